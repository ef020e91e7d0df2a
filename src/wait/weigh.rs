//! What one look says after another.

use std::{
    collections::HashSet,
    fs,
    time::{Duration, Instant},
};

use nix::time::{ClockId, clock_gettime};

use super::{
    BLIND, COMPUTES, IDLE, Look, SPIN, Stuck,
    quiet::{depends_on_windows, is_quiet, next_try},
};
use crate::{
    table::{End, Row, State, TimerKind},
    threads::{Call, Doing, Lasts, SystemCall, Thread},
};

/// However long the caller was kept from looking, no more than this is counted.
const ONE_LOOK: Duration = Duration::from_millis(50);

/// A datagram on its way through a busy machine's queues is shown nowhere. This many looks, and
/// this much time, give the kernel its turn.
const FOR_DATAGRAMS: (u32, Duration) = (10, Duration::from_millis(100));

pub(super) struct Weighing {
    began: Instant,
    ceiling: Instant,
    last: Instant,
    before: Option<Look>,
    /// Looks in a row that found everything blocked as the look before had.
    equal: u32,
    equal_since: Instant,
    /// The CPU time at which the threads last blocked, or moved something.
    ran_since: Duration,
    /// For how long nothing has moved. What a wait with a timeout takes is added when it has ended,
    /// and has brought nothing.
    idle: Duration,
    in_one_wait: Duration,
    /// The timeout of that wait at the last look, and when it must end, as `in_one_wait` counts. A
    /// timeout says what is left of it, or what it was at first. None while there is no such wait.
    one_wait: Option<(Duration, Duration)>,
    /// The calls, with their first argument, in which threads were seen blocked since then.
    calls: HashSet<(i64, u64)>,
}

impl Weighing {
    pub(super) fn until(ceiling: Instant) -> Weighing {
        let now = Instant::now();
        Weighing {
            began: now,
            ceiling,
            last: now,
            before: None,
            equal: 0,
            equal_since: now,
            ran_since: cpu_of_others(),
            idle: Duration::ZERO,
            in_one_wait: Duration::ZERO,
            one_wait: None,
            calls: HashSet::new(),
        }
    }

    pub(super) fn needs_info(&self) -> bool {
        self.before.as_ref().is_some_and(depends_on_windows)
    }

    pub(super) fn weigh(&mut self, look: Look) -> Option<Stuck> {
        let now = Instant::now();
        let passed = (now - self.last).min(ONE_LOOK);
        self.last = now;
        let before = self.before.replace(look.clone());
        let stuck = match before {
            Some(before) if !has_moved(&before, &look) => {
                self.weigh_standstill(&before, look.clone(), passed)
            }
            _ => {
                self.begin_anew();
                None
            }
        };
        let is_over = now >= self.ceiling;
        stuck.or_else(|| is_over.then(|| Stuck::Ceiling(now - self.began, look)))
    }

    /// The kernel cannot be asked, so nothing is proven.
    pub(super) fn see_nothing(&mut self) -> Option<Stuck> {
        let now = Instant::now();
        self.idle += (now - self.last).min(ONE_LOOK);
        self.last = now;
        self.before = None;
        let idle = (self.idle >= BLIND).then(|| Stuck::Idle(self.idle, Look::default()));
        let is_over = now >= self.ceiling;
        idle.or_else(|| is_over.then(|| Stuck::Ceiling(now - self.began, Look::default())))
    }

    fn begin_anew(&mut self) {
        self.equal = 0;
        self.ran_since = cpu_of_others();
        self.idle = Duration::ZERO;
        self.begin_another_wait();
        self.calls.clear();
    }

    fn begin_another_wait(&mut self) {
        self.in_one_wait = Duration::ZERO;
        self.one_wait = None;
    }

    /// One wait goes on. Whether its timeout should have ended it a while ago: a read may have begun
    /// before its socket got one.
    fn has_no_timeout(&mut self, time: Duration, passed: Duration) -> bool {
        let ends = match self.one_wait {
            Some((before, ends)) if time <= before => ends,
            _ => self.in_one_wait + time,
        };
        self.one_wait = Some((time, ends));
        self.in_one_wait += passed;
        self.in_one_wait > ends + IDLE
    }

    /// No socket has changed.
    fn weigh_standstill(&mut self, before: &Look, look: Look, passed: Duration) -> Option<Stuck> {
        let is_running = |thread: &Thread| thread.doing == Doing::Running;
        let cpu = cpu_of_others().saturating_sub(self.ran_since);
        let allowed = match look.sockets.is_empty() && !look.datagrams {
            true => COMPUTES,
            false => SPIN,
        };
        if !look.threads.iter().all(Thread::is_blocked) && cpu > allowed {
            return Some(Stuck::Spin(cpu, look));
        }
        if look
            .threads
            .iter()
            .any(|thread| is_running(thread) || prints(thread))
        {
            self.equal = 0;
            return None; // it has all the time it needs to get a CPU, or until its output is read
        }
        self.ran_since = cpu_of_others();
        for call in look.threads.iter().filter_map(|thread| thread.call) {
            if self.calls.insert((call.number, call.args[0])) {
                self.idle = Duration::ZERO;
                self.begin_another_wait();
            }
        }
        if !have_stayed_blocked(before, &look) || has_tried_again(before, &look) {
            self.equal = 0;
            self.idle += passed + self.in_one_wait;
            self.begin_another_wait();
        } else {
            match self.how_long_it_lasts(&look) {
                Lasts::Endless => {
                    self.one_wait = None;
                    self.idle += passed;
                    if self.is_proof(&look) {
                        return Some(Stuck::Hang(look));
                    }
                }
                Lasts::AtMost(time) => {
                    if self.has_no_timeout(time, passed) {
                        return Some(Stuck::Idle(self.in_one_wait, look));
                    }
                }
                Lasts::Outside | Lasts::Unknown => {
                    self.one_wait = None;
                    self.idle += passed;
                }
            }
        }
        (self.idle >= IDLE).then_some(Stuck::Idle(self.idle, look))
    }

    /// All threads are blocked, as they were a look before.
    fn how_long_it_lasts(&self, look: &Look) -> Lasts {
        let lasts = |thread: &Thread| thread.call.map_or(Lasts::Unknown, |call| call.lasts());
        // What goes on for longer than the whole wait may is endless here.
        let longest = self.ceiling.saturating_duration_since(self.began);
        let mut all = Lasts::Endless;
        for thread in &look.threads {
            match (lasts(thread), all) {
                (Lasts::Endless, _) => {}
                (Lasts::AtMost(time), _) if time > longest => {}
                (Lasts::AtMost(time), Lasts::AtMost(longer)) if time <= longer => {}
                (Lasts::AtMost(time), _) => all = Lasts::AtMost(time),
                (otherwise, _) => return otherwise,
            }
        }
        match all {
            Lasts::Endless if look.has_others || has_children() => Lasts::Outside,
            // The kernel will act: that is waited for as a timeout is.
            Lasts::Endless => next_try(look).map_or(Lasts::Endless, Lasts::AtMost),
            all => all,
        }
    }

    fn is_proof(&mut self, look: &Look) -> bool {
        if !is_quiet(look) {
            self.equal = 0;
            return false;
        }
        if self.equal == 0 {
            self.equal_since = Instant::now();
        }
        self.equal += 1;
        // How long a call lasts is read after the look, when its thread
        // may have gone on, and its memory mean something else. The next look shows it: it finds
        // the thread blocked as it was, or not.
        let (looks, time) = FOR_DATAGRAMS;
        self.equal > 1
            && (!look.datagrams || self.equal >= looks && self.equal_since.elapsed() >= time)
    }
}

/// Whether a timer of a socket has run out between two looks, and has been set again.
fn has_tried_again(before: &Look, look: &Look) -> bool {
    let remaining = |row: &Row| row.timer.map(|timer| timer.remaining);
    let mut pairs = before.sockets.iter().zip(&look.sockets);
    pairs.any(|(before, now)| remaining(now) > remaining(before))
}

/// Whether a socket has changed, or anything else has moved.
fn has_moved(before: &Look, look: &Look) -> bool {
    // A keepalive probe without an answer is a step towards the end of its connection.
    let probes = |row: &Row| {
        let keepalive = row.timer.filter(|timer| timer.kind == TimerKind::Keepalive);
        keepalive.map_or(0, |timer| timer.attempts)
    };
    let state = |row: &Row| -> (End, State, u32, u32, u32) {
        (row.end(), row.state, row.recv_q, row.send_q, probes(row))
    };
    let states = look.sockets.iter().map(state);
    before.progress != look.progress || !before.sockets.iter().map(state).eq(states)
}

/// Whether it waits for the reader of stdout or stderr, which is not part of what is waited for.
fn prints(thread: &Thread) -> bool {
    let prints = |call: SystemCall| call.call() == Call::Write && matches!(call.fd(), Some(1 | 2));
    thread.call.is_some_and(prints)
}

fn have_stayed_blocked(before: &Look, look: &Look) -> bool {
    let mut pairs = before.threads.iter().zip(&look.threads);
    before.threads.len() == look.threads.len()
        && pairs.all(|(before, now)| now.has_stayed_blocked_since(before))
}

/// The CPU time of this process, without the thread that waits.
fn cpu_of_others() -> Duration {
    let time = |clock| clock_gettime(clock).map_or(Duration::ZERO, Duration::from);
    time(ClockId::CLOCK_PROCESS_CPUTIME_ID).saturating_sub(time(ClockId::CLOCK_THREAD_CPUTIME_ID))
}

/// Whether a process that a thread of this one has started is still there: it may act.
fn has_children() -> bool {
    let tasks = fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten();
    let mut children = tasks.map(|task| fs::read_to_string(task.path().join("children")));
    children.any(|children| children.is_ok_and(|children| !children.trim().is_empty()))
}
