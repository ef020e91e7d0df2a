//! The processor time that the answer's threads use while there is nothing to do.
//!
//! How much a loop gets that never waits depends on who else runs: little, on a busy machine. But a
//! thread that waits uses next to none between two waits, and that is so on any machine.

use std::{
    fs::File,
    os::unix::fs::FileExt,
    thread,
    time::{Duration, Instant},
};

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike,
};

use socket_workshop::threads::{Call, SystemCall, others};

use crate::exam::{Because, Exam, Stuck, Verdict, or_skip};

/// For so long an answer is watched that waits with timeouts. The length is the subject: how often
/// it looks. One that waits without a timeout need not be watched.
const LOOKED_AT: Duration = Duration::from_millis(400);

/// Too much is a twentieth of a processor, and what it takes to wake and try a system call for each
/// time that a thread has waited.
const TOO_MUCH: (Duration, Duration) = (Duration::from_millis(20), Duration::from_micros(20));

/// On a machine so busy that a loop does not get that: this, and far more than it takes for each
/// wait.
const TOO_LONG: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(1));

/// Processor time, and how often it was given back in order to wait.
#[derive(Clone, Copy)]
struct Usage {
    time: Duration,
    waits: u32,
}

impl Usage {
    fn since(self, before: Usage) -> Usage {
        Usage {
            time: self.time.saturating_sub(before.time),
            waits: self.waits.saturating_sub(before.waits),
        }
    }

    fn is_too_much(self) -> bool {
        let allowed = [TOO_MUCH, TOO_LONG].map(|(once, each_wait)| once + each_wait * self.waits);
        allowed.iter().any(|limit| self.time >= *limit)
    }

    /// Some time was used, and never given back: a thread that does not wait, or has not yet.
    fn has_only_run(self) -> bool {
        self.waits == 0 && self.time > Duration::ZERO
    }
}

/// The answer's threads must wait: there is nothing to do. What has come by now may cost time to
/// compute.
pub(in crate::checks) fn must_wait(exam: &Exam, cause: &str) -> Verdict {
    let expected = "your threads to wait";
    let rests = exam.comes_to_rest()?;
    exam.must(rests, expected, "they do not").caused_by(cause)?;
    let spun = Watched::now()?.not_waiting(exam)?;
    exam.must(spun.is_none(), expected, spun.unwrap_or_default())
        .caused_by(cause)
}

/// The answer's threads, with a descriptor open for each: to look at them takes no other.
pub(super) struct Watched(Vec<File>);

impl Watched {
    /// The threads that there are now.
    pub(super) fn now() -> Verdict<Watched> {
        let threads = or_skip("look at threads", others())?.into_iter();
        let files =
            threads.map(|thread| File::open(format!("/proc/self/task/{}/syscall", thread.id)));
        Ok(Watched(files.flatten().collect()))
    }

    /// Whether one of them runs, or could if it got a processor.
    fn run(&self) -> bool {
        let runs = |file: &File| {
            let mut text = [0; 7];
            file.read_exact_at(&mut text, 0).is_ok() && &text == b"running"
        };
        self.0.iter().any(runs)
    }

    /// Watches them. If they do not wait: what they have used, in a sentence. Needs no descriptor,
    /// but ends sooner where there are some: the kernel then shows that every thread waits.
    pub(super) fn not_waiting(&self, exam: &Exam) -> Verdict<Option<String>> {
        let began = Instant::now();
        let Some(before) = so_far() else {
            return Ok(None);
        };
        let watched = exam.wait_for(|rest| {
            let used = so_far().map_or(before, |now| now).since(before);
            if used.is_too_much() {
                return Ok(Some(Some(used.time)));
            }
            if began.elapsed() >= LOOKED_AT && !used.has_only_run() && !self.run() {
                return Ok(Some(None));
            }
            thread::sleep(rest); // threads that go on waiting send no event
            Ok(None)
        })?;
        let spins = exam.is_stuck_in(|stuck| matches!(stuck, Stuck::Spin(..)));
        let used = match watched {
            Some(used) => used,
            None if spins => so_far().map(|now| now.since(before).time),
            None => None,
        };
        let elapsed = began.elapsed();
        Ok(
            used.map(|used| {
                format!("in {elapsed:.0?} they have used {used:.0?} of processor time")
            }),
        )
    }
}

/// Of the whole process, without this thread, which only looks on.
fn so_far() -> Option<Usage> {
    let all = usage(UsageWho::RUSAGE_SELF)?;
    let own = usage(UsageWho::RUSAGE_THREAD)?;
    Some(Usage {
        time: all.time.saturating_sub(own.time),
        waits: all.waits.saturating_sub(own.waits),
    })
}

fn usage(who: UsageWho) -> Option<Usage> {
    let usage = getrusage(who).ok()?;
    let time = usage.user_time() + usage.system_time();
    Some(Usage {
        time: Duration::from_micros(time.num_microseconds().unsigned_abs()),
        waits: usage.voluntary_context_switches().try_into().ok()?,
    })
}

/// How long threads have slept without a break, with two descriptors open for each: to look takes
/// no other.
pub(super) struct Asleep(Vec<Sleeper>);

struct Sleeper {
    syscall: File,
    schedstat: File,
    /// How often it had been given a CPU, and since when that number stands still in a sleep.
    since: Option<(String, Instant)>,
}

impl Asleep {
    /// The threads that there are now.
    pub(super) fn now() -> Verdict<Asleep> {
        let threads = or_skip("look at threads", others())?.into_iter();
        let open = |id: i32, name| File::open(format!("/proc/self/task/{id}/{name}"));
        let sleeper = |id| {
            Some(Sleeper {
                syscall: open(id, "syscall").ok()?,
                schedstat: open(id, "schedstat").ok()?,
                since: None,
            })
        };
        Ok(Asleep(
            threads.filter_map(|thread| sleeper(thread.id)).collect(),
        ))
    }

    /// Of all sleeps that go on now, how long the longest has been seen. To be asked again and
    /// again.
    pub(super) fn longest(&mut self) -> Duration {
        let slept = self.0.iter_mut().map(Sleeper::slept);
        slept.max().unwrap_or_default()
    }
}

impl Sleeper {
    fn slept(&mut self) -> Duration {
        let Some(turns) = self.turns_if_asleep() else {
            self.since = None;
            return Duration::ZERO;
        };
        match &self.since {
            Some((before, since)) if *before == turns => since.elapsed(),
            _ => {
                self.since = Some((turns, Instant::now()));
                Duration::ZERO
            }
        }
    }

    fn turns_if_asleep(&self) -> Option<String> {
        let call: SystemCall = text_of(&self.syscall)?.parse().ok()?;
        let schedstat = text_of(&self.schedstat)?;
        let turns = schedstat.split_whitespace().nth(2)?.to_owned();
        (call.call() == Call::Sleep).then_some(turns)
    }
}

/// What such a file says now.
fn text_of(file: &File) -> Option<String> {
    let mut buf = [0; 256];
    let n = file.read_at(&mut buf, 0).ok()?;
    Some(String::from_utf8_lossy(&buf[..n]).into_owned())
}
