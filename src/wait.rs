//! Waiting by evidence: until something happens, or until the kernel shows that it never will.
//!
//! A wait with a time limit is wrong on a slow machine and slow on a fast one. [`wait`] asks the
//! kernel instead. Between two questions "has it happened?" it takes a [`Look`] at the threads that
//! could make it happen and at the sockets between them, and ends in one of five ways:
//!
//! 1. It happened.
//! 2. It cannot happen ([`Stuck::Hang`]): in three looks in a row every thread is blocked in the
//!    same call and has not run in between, none of these calls has a timeout, and nothing is under
//!    way in any of the sockets. Nothing is left that could act, because the caller only waits.
//! 3. The threads spin ([`Stuck::Spin`]): they have used CPU time, without blocking and without
//!    moving a byte.
//! 4. Nothing moves, but that proves nothing ([`Stuck::Idle`]): the threads wait
//!    again and again with a timeout, or for something outside, or the kernel
//!    retransmits without success, for two seconds. One wait with a timeout, and
//!    one retransmission timer, are waited for however long they are.
//! 5. The ceiling was reached ([`Stuck::Ceiling`]).
//!
//! Whatever changes in a socket's state or queues starts all of these again,
//! so a thread that is slow has all the time it needs. A thread that is ready
//! to run but gets no CPU uses up none of it: only CPU time counts against a
//! thread that runs, and only time spent blocked against one that waits.

mod quiet;
mod weigh;

use std::{
    fmt, io,
    time::{Duration, Instant},
};

use self::weigh::Weighing;
use crate::{
    table::Row,
    threads::{Lasts, Thread},
};

/// CPU time that threads may use without blocking and without moving a byte.
pub const SPIN: Duration = Duration::from_millis(300);

/// The same where there is no socket. Then all that threads can do is to compute, and a slow way to
/// compute is not wrong.
const COMPUTES: Duration = Duration::from_millis(900);

/// How long nothing may move while threads wait with timeouts, or for something outside.
pub const IDLE: Duration = Duration::from_secs(2);

/// How long to wait where the kernel shows nothing at all.
const BLIND: Duration = Duration::from_secs(10);

/// The time between two looks, at least and at most. A look costs about 0.1 ms and a few
/// microseconds for each thread, and the threads that are waited for may need the CPU.
const BETWEEN_LOOKS: (Duration, Duration) = (Duration::from_micros(500), Duration::from_millis(20));

/// The threads that could make it happen, and the sockets between them, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// The threads, but for the one that waits. Looked at before the sockets: what they have done
    /// by then, the sockets show.
    pub threads: Vec<Thread>,
    /// The TCP sockets, both ends of each connection.
    pub sockets: Vec<Row>,
    /// Whether datagrams pass between these threads. One that is under way leaves no trace, so a
    /// proof takes more looks.
    pub datagrams: bool,
    /// Whether one of the sockets is another process's, which may act.
    pub has_others: bool,
    /// A number that grows with everything else that moves, such as the bytes received so far.
    pub progress: u64,
}

/// What is looked at while waiting.
pub trait World {
    /// Looks once. With `with_info`, each socket says how large its peer's window is.
    ///
    /// # Errors
    /// The kernel cannot be asked.
    fn look(&mut self, with_info: bool) -> io::Result<Look>;
}

/// Why something that was waited for has not happened.
#[derive(Clone, Debug)]
pub enum Stuck {
    /// It cannot happen: all threads are blocked without a timeout, and nothing is under way.
    Hang(Look),
    /// The threads have used this much CPU time without blocking and without moving a byte.
    Spin(Duration, Look),
    /// Nothing has moved for this long, while the threads waited with
    /// timeouts or for something outside.
    Idle(Duration, Look),
    /// Something still moved when the ceiling was reached, this long after the wait began.
    Ceiling(Duration, Look),
}

impl Stuck {
    /// The last look.
    #[must_use]
    pub fn look(&self) -> &Look {
        match self {
            Stuck::Hang(look)
            | Stuck::Spin(_, look)
            | Stuck::Idle(_, look)
            | Stuck::Ceiling(_, look) => look,
        }
    }

    /// Whether it is proven that the thing would never have happened.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        matches!(self, Stuck::Hang(_) | Stuck::Spin(..))
    }
}

/// A hang, a spin, or what else: one line. Who the threads are, the reader must know.
impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stuck::Hang(look) if look.threads.is_empty() => {
                f.write_str("proven: no thread is left, and nothing is under way")
            }
            Stuck::Hang(look) => {
                let waits = describe(&look.threads);
                write!(f, "proven: {waits}, and nothing is under way")
            }
            Stuck::Spin(cpu, _) => write!(
                f,
                "proven: {} ms of CPU time used without waiting and without moving a byte",
                cpu.as_millis()
            ),
            Stuck::Idle(time, _) => write!(
                f,
                "not proven: nothing has moved for {:.1} s",
                time.as_secs_f64()
            ),
            Stuck::Ceiling(time, _) => write!(
                f,
                "not proven: still moving when the wait was ended after {:.0} s",
                time.as_secs_f64()
            ),
        }
    }
}

fn describe(threads: &[Thread]) -> String {
    let waits = |thread: &Thread| {
        let limit = match thread.call.map(|call| call.lasts()) {
            Some(Lasts::AtMost(limit)) => format!(" with a timeout of {} s", limit.as_secs()),
            _ => " without a timeout".to_owned(),
        };
        format!("thread {} waits {}{limit}", thread.name, thread.doing)
    };
    let mut all: Vec<String> = threads.iter().map(waits).collect();
    all.dedup();
    all.join(", ")
}

/// Waits until `ask` has an answer, or until the evidence says that it never will.
///
/// `ask` is given a time. It waits at most that long for the event, in a call that the event ends
/// if there is one, and returns `None` if it has not come. It is asked once more after the last
/// look: it may have happened just before.
///
/// # Errors
/// What `ask` failed with.
pub fn wait<T, E>(
    world: &mut impl World,
    ceiling: Instant,
    mut ask: impl FnMut(Duration) -> Result<Option<T>, E>,
) -> Result<Result<T, Stuck>, E> {
    let mut weighing = Weighing::until(ceiling);
    let mut rest = BETWEEN_LOOKS.0;
    loop {
        if let Some(answer) = ask(rest)? {
            return Ok(Ok(answer));
        }
        let began = Instant::now();
        let stuck = match world.look(weighing.needs_info()) {
            Ok(look) => weighing.weigh(look),
            Err(_) => weighing.see_nothing(),
        };
        if let Some(stuck) = stuck {
            return Ok(match ask(Duration::ZERO)? {
                Some(answer) => Ok(answer),
                None => Err(stuck),
            });
        }
        let (shortest, longest) = BETWEEN_LOOKS;
        rest = (rest * 3 / 2)
            .max(4 * began.elapsed())
            .clamp(shortest, longest);
    }
}

#[cfg(test)]
mod tests;
