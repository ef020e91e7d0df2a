//! How an exam waits: never for a time, always until something happens or the kernel shows that it
//! never will ([`socket_workshop::wait`]). The world of a check is closed: the answer's threads,
//! the exam's, and the sockets of this process.

use std::{
    io, mem,
    os::fd::AsFd,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, ppoll},
    sys::time::TimeSpec,
};
use socket_workshop::{
    table::Table,
    threads::{self, Lasts, Thread},
    wait::{Look, Stuck, World, wait},
};
use socket2::SockRef;

use super::{
    Call, CheckError, Doing, Exam, Verdict, or_skip, running,
    threads::{is_of_this_check, students},
};

/// When a wait is ended although something still moves. No right answer comes near it.
pub(super) const CEILING: Duration = Duration::from_secs(50);

/// A timeout that is longer is not a pause after some work.
const A_PAUSE: Duration = Duration::from_secs(1);

/// After this many looks in a row that find all threads blocked in the same place, they stay there.
const STAYS: u32 = 8;

/// What an exam looks at while it waits.
struct Watched<'e> {
    exam: &'e Exam,
}

impl World for Watched<'_> {
    fn look(&mut self, with_info: bool) -> io::Result<Look> {
        self.exam.acknowledge();
        if running::looks_for_a_place() {
            self.exam.has_moved(1);
        }
        let threads = threads::others()?;
        let unreadable = |unmet| io::Error::other(format!("{unmet:?}"));
        let sockets = self.exam.all_sockets(with_info);
        Ok(Look {
            threads: threads.into_iter().filter(is_of_this_check).collect(),
            sockets: sockets.map_err(unreadable)?.rows,
            datagrams: self.exam.watches_datagrams(),
            has_others: false, // the answer's, of other processes, are seen as children
            progress: self.exam.moved.get() + self.exam.counted(),
        })
    }
}

impl Exam {
    /// Waits until `ask` has an answer. `None` if it never will: the failure that follows says why.
    ///
    /// `ask` may wait for as long as it is told to, in a call that the event ends.
    ///
    /// # Errors
    /// What `ask` failed with.
    pub fn wait_for<T>(
        &self,
        mut ask: impl FnMut(Duration) -> Verdict<Option<T>>,
    ) -> Verdict<Option<T>> {
        self.forget_stuck();
        let mut world = Watched { exam: self };
        let mut ask = |rest| {
            self.just_read.take();
            ask(rest)
        };
        loop {
            let stuck = match wait(&mut world, self.ceiling, &mut ask)? {
                Ok(answer) => return Ok(Some(answer)),
                Err(stuck) => stuck,
            };
            // Connections that the wait has not looked at may bring what it waited for.
            if Instant::now() >= self.ceiling || !self.has_missed_sockets() {
                self.stuck.replace(Some(stuck));
                return Ok(None);
            }
        }
    }

    /// As [`Exam::wait_for`], for what the kernel shows but sends no event for: looks again and
    /// again.
    ///
    /// # Errors
    /// What `look` failed with.
    pub fn until<T>(&self, mut look: impl FnMut() -> Verdict<Option<T>>) -> Verdict<Option<T>> {
        let mut has_looked = false;
        self.wait_for(|rest| {
            if has_looked {
                std::thread::sleep(rest); // there is no event to wait for instead
            }
            has_looked = true;
            look()
        })
    }

    /// Waits until this is so. `false` if it never will be.
    ///
    /// # Errors
    /// What `look` failed with.
    pub fn comes_true(&self, mut look: impl FnMut() -> Verdict<bool>) -> Verdict<bool> {
        let seen = self.until(|| Ok(look()?.then_some(())))?;
        Ok(seen.is_some())
    }

    /// Waits until the table shows something. `None` if it never will. `look` may be asked twice
    /// about one moment: what a quick look has shown, all rows must show.
    ///
    /// # Errors
    /// The table cannot be read here.
    pub fn table_shows<T>(&self, mut look: impl FnMut(&Table) -> Option<T>) -> Verdict<Option<T>> {
        let mut has_looked = false;
        self.until(|| {
            // What has come and gone before is known from the first look on.
            let is_quick = mem::replace(&mut has_looked, true);
            if is_quick && look(&self.quick_table()?).is_none() {
                return Ok(None);
            }
            Ok(look(&self.table()?))
        })
    }

    /// Waits until a descriptor is ready, or in error. `false` if it never will be.
    ///
    /// # Errors
    /// It cannot be polled.
    pub fn becomes_ready(&self, socket: &impl AsFd, events: PollFlags) -> Verdict<bool> {
        let ready = self.wait_for(|rest| Ok(is_ready(socket, events, rest)?.then_some(())))?;
        Ok(ready.is_some())
    }

    /// Waits until each of the answer's threads is blocked in a system call, or has ended. `false`
    /// if they spin.
    ///
    /// # Errors
    /// The kernel does not say what threads are doing.
    pub fn comes_to_rest(&self) -> Verdict<bool> {
        self.comes_true(|| {
            let threads = or_skip("look at threads", students())?;
            Ok(!threads.iter().any(|thread| thread.doing == Doing::Running))
        })
    }

    /// Waits until the answer's threads are blocked, or have ended, and stay so for some looks: one
    /// that is about to go on, such as after it has started a thread, is not at rest. `false` if
    /// they spin.
    ///
    /// # Errors
    /// The kernel does not say what threads are doing.
    pub fn stays_at_rest(&self) -> Verdict<bool> {
        let (mut before, mut equal) = (Vec::new(), 0);
        self.comes_true(|| {
            let threads = or_skip("look at threads", students())?;
            let runs = threads.iter().any(|thread| thread.doing == Doing::Running);
            equal = if runs || threads != before {
                0
            } else {
                equal + 1
            };
            before = threads;
            Ok(equal == STAYS)
        })
    }

    /// Waits until a thread of the answer's is blocked in this call. `false` if all of them stay
    /// blocked in others, or none ever blocks.
    ///
    /// # Errors
    /// The kernel does not say where threads are blocked.
    pub fn waits_in(&self, call: Call) -> Verdict<bool> {
        let (mut before, mut equal) = (Vec::new(), 0);
        let seen = self.until(|| {
            let threads = or_skip("look at threads", students())?;
            if threads.iter().any(|thread| thread.doing == Doing::Unknown) {
                return Err(CheckError::skipped(
                    "the kernel does not show where a thread is blocked",
                ));
            }
            let is_in_call = |thread: &Thread| thread.call.is_some_and(|is| is.call() == call);
            if threads.iter().any(is_in_call) {
                return Ok(Some(true));
            }
            let blocked = threads.iter().all(Thread::is_blocked) && threads == before;
            equal = if blocked { equal + 1 } else { 0 };
            before = threads;
            Ok((equal == STAYS).then_some(false))
        })?;
        Ok(seen.unwrap_or(false))
    }

    /// Waits until nothing moves any more, and returns whether the answer's threads then wait
    /// without a timeout, as far as the kernel shows it. A pause after some work is waited for.
    ///
    /// # Errors
    /// The kernel does not show what threads are doing.
    pub fn waits_without_a_timeout(&self) -> Verdict<bool> {
        let mut timed = 0;
        let is_long = self.comes_true(|| {
            let threads = or_skip("look at threads", students())?;
            let mut blocked = threads.iter().filter(|thread| thread.is_blocked());
            let limit = blocked.find_map(|thread| match thread.call?.lasts() {
                Lasts::AtMost(time) => Some(time),
                _ => None,
            });
            timed += u32::from(limit.is_some());
            Ok(limit.is_some_and(|time| time > A_PAUSE))
        })?;
        let spins = self.is_stuck_in(|stuck| matches!(stuck, Stuck::Spin(..)));
        let still_moves = self.is_stuck_in(|stuck| matches!(stuck, Stuck::Ceiling(..)));
        let is_proven = self.is_stuck_in(Stuck::is_proven);
        Ok(!is_long && !spins && !still_moves && (is_proven || timed < STAYS))
    }

    /// Waits until this is so, or until the answer's threads have run, at least twice, and are
    /// blocked again: then they have had the chance, and do something else first. `false` if it is
    /// not so.
    ///
    /// # Errors
    /// What `look` failed with, or the kernel does not say what threads are doing.
    pub fn happens_now(&self, mut look: impl FnMut() -> Verdict<bool>) -> Verdict<bool> {
        let turns = |threads: &[Thread]| threads.iter().map(|thread| thread.turns).sum::<u64>();
        let before = turns(&or_skip("look at threads", students())?);
        let seen = self.until(|| {
            // Before the look: what they do it shows.
            let threads = or_skip("look at threads", students())?;
            let rest = threads.iter().all(Thread::is_blocked) && turns(&threads) >= before + 2;
            let is_so = look()?;
            Ok((is_so || rest).then_some(is_so))
        })?;
        Ok(seen.unwrap_or(false))
    }

    /// Waits until no thread of the answer's is left. `false` if one always will be.
    ///
    /// # Errors
    /// The kernel does not say what threads there are.
    pub fn has_no_thread_left(&self) -> Verdict<bool> {
        self.comes_true(|| Ok(or_skip("look at threads", students())?.is_empty()))
    }

    /// Whether the answer has left no thread, now that it has returned. One that is about to end is
    /// waited for. One that sleeps is not about to end, and one that stays blocked is left, even if
    /// it has a timeout.
    ///
    /// # Errors
    /// The kernel does not say what threads there are.
    pub fn leaves_no_thread(&self) -> Verdict<bool> {
        let (mut before, mut equal, mut sleeping) = (Vec::new(), 0, Vec::new());
        let is_alone = self.until(|| {
            let threads = or_skip("look at threads", students())?;
            if threads.is_empty() {
                return Ok(Some(sleeping.is_empty()));
            }
            let sleeps = |thread: &Thread| thread.call.is_some_and(|is| is.call() == Call::Sleep);
            if threads.iter().any(sleeps) {
                sleeping.clone_from(&threads);
            }
            let blocked = threads.iter().all(Thread::is_blocked) && threads == before;
            equal = if blocked { equal + 1 } else { 0 };
            before = threads;
            Ok((equal == STAYS).then_some(false))
        })?;
        let is_alone = is_alone == Some(true);
        if !is_alone {
            let doing = sleeping.into_iter().map(|thread| thread.doing);
            self.left.replace(doing.collect());
        }
        Ok(is_alone)
    }

    /// The answer has left no thread, now that it has returned ([`Exam::leaves_no_thread`]).
    ///
    /// # Errors
    /// One is left. The failure shows where that thread is, if it stays there.
    pub fn must_leave_no_thread(
        &self,
        expected: impl Into<String>,
        seen: impl Into<String>,
    ) -> Verdict {
        let alone = self.leaves_no_thread()?;
        if !alone {
            let left = self.left.take();
            self.has_no_thread_left()?; // how that wait ends shows where the thread is
            self.left.replace(left);
        }
        self.must(alone, expected, seen)
    }

    /// The kernel delays the acknowledgments of the exam's ends, often by 40 ms. As long as one is
    /// missing, something is under way. This sends those that are due (TCP_QUICKACK, tcp(7)).
    fn acknowledge(&self) {
        let mut peers = self.peers.borrow_mut();
        peers.retain(|peer| match peer.upgrade() {
            Some(peer) => {
                let _ = SockRef::from(&*peer).set_tcp_quickack(true);
                true
            }
            None => false,
        });
    }

    fn counted(&self) -> u64 {
        let counted = self.counted.borrow();
        let count = counted.as_ref().map(|count| count.load(Ordering::Relaxed));
        count.unwrap_or(0) as u64
    }

    /// When every wait of this check ends.
    pub(super) fn new_ceiling() -> Instant {
        Instant::now() + CEILING
    }

    /// How the last wait ended, if what it waited for did not happen.
    pub(super) fn take_stuck(&self) -> Option<Stuck> {
        self.stuck.take()
    }

    /// Whether the last wait ended like this.
    pub fn is_stuck_in(&self, is: impl FnOnce(&Stuck) -> bool) -> bool {
        self.stuck.borrow().as_ref().is_some_and(is)
    }

    /// Something happens: how an earlier wait ended says nothing about what comes now.
    pub(super) fn forget_stuck(&self) {
        self.stuck.replace(None);
        self.left.take();
    }
}

/// The ceiling was reached. Is that the answer's doing?
///
/// # Errors
/// A thread of this process spent much of that time waiting for a CPU: the machine is too busy.
pub(super) fn is_a_machine_for_it() -> Verdict {
    let delay = threads::longest_run_delay();
    if delay < CEILING / 5 {
        return Ok(());
    }
    Err(CheckError::skipped(format!(
        "the machine is too busy: the check was not over after {} s, and waited {} s of them for a \
         CPU",
        CEILING.as_secs(),
        delay.as_secs()
    )))
}

/// Whether a descriptor becomes ready, or in error, within this time.
///
/// # Errors
/// It cannot be polled.
pub fn is_ready(socket: &impl AsFd, events: PollFlags, rest: Duration) -> Verdict<bool> {
    let mut fds = [PollFd::new(socket.as_fd(), events)];
    match ppoll(&mut fds, Some(TimeSpec::from_duration(rest)), None) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::EINTR) => Ok(false),
        Err(errno) => Err(CheckError::skipped(format!("cannot poll: {errno}"))),
    }
}
