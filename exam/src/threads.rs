//! The answer's threads, and what they are doing, in words.

use std::io;

use socket_workshop::threads::{Doing, Thread, others};

/// The names of threads that are the exam's own begin so. All others are the student's, for a
/// thread has the name of the one that started it.
pub(super) const OURS: &str = "exam";

/// The name of a thread of the exam's that only measures a time: it makes nothing happen.
pub(super) const CLOCK: &str = "exam clock";

/// A failure shows at most this many lines of threads.
const SHOWN: usize = 6;

/// Each of the student's threads.
///
/// # Errors
/// The kernel does not show them.
pub(super) fn students() -> io::Result<Vec<Thread>> {
    let mut threads = others()?;
    threads.retain(|thread| is_of_this_check(thread) && !thread.name.starts_with(OURS));
    Ok(threads)
}

/// The student's threads and the exam's: all but the one that waits for signals, and clocks.
pub(super) fn is_of_this_check(thread: &Thread) -> bool {
    !thread.name.starts_with("ctrl-c") && thread.name != CLOCK
}

/// As a failure shows them: one line for each kind, with how many there are. Where that would be
/// many lines, the descriptors are left out.
pub(super) fn lines(threads: &[Doing]) -> Vec<String> {
    let mut kinds = kinds(threads.iter().copied());
    if kinds.len() > SHOWN {
        kinds = self::kinds(threads.iter().map(|doing| match *doing {
            Doing::Blocked { call, .. } => Doing::Blocked { call, fd: None },
            doing => doing,
        }));
    }
    let line = |(doing, count): (Doing, usize)| {
        let who = who(count, threads.len());
        match doing {
            Doing::Running => format!("{who} running, not blocked in a system call"),
            Doing::Blocked { call, fd: Some(fd) } => format!("{who} blocked in {call} on fd {fd}"),
            Doing::Blocked { call, fd: None } => format!("{who} blocked in {call}"),
            Doing::Unknown => format!("{who} somewhere: could not tell"),
        }
    };
    kinds.into_iter().map(line).collect()
}

/// Where they are blocked, for a step: `your 2 threads are blocked in accept and in a read (recv)`.
/// `None` if there are no threads, or one is not blocked.
pub(super) fn blocked(threads: &[Thread]) -> Option<String> {
    let mut calls: Vec<String> = Vec::new();
    for thread in threads {
        let Doing::Blocked { call, .. } = thread.doing else {
            return None;
        };
        let call = format!("in {call}");
        if !calls.contains(&call) {
            calls.push(call);
        }
    }
    let who = match threads.len() {
        0 => return None,
        1 => "your thread is blocked".to_owned(),
        count => format!("your {count} threads are blocked"),
    };
    Some(format!("{who} {}", calls.join(" and ")))
}

/// How many of all the student's threads, and the verb.
pub(super) fn who(count: usize, all: usize) -> String {
    match (count, all) {
        (1, 1) => "your thread is".to_owned(),
        (1, _) => "one of your threads is".to_owned(),
        _ => format!("{count} of your threads are"),
    }
}

/// What the threads are doing, and how many of them.
fn kinds(threads: impl Iterator<Item = Doing>) -> Vec<(Doing, usize)> {
    let mut kinds: Vec<(Doing, usize)> = Vec::new();
    for thread in threads {
        match kinds.iter_mut().find(|(kind, _)| *kind == thread) {
            Some((_, count)) => *count += 1,
            None => kinds.push((thread, 1)),
        }
    }
    kinds
}

#[cfg(test)]
mod tests {
    use super::{Doing, Thread, blocked as blocked_in, lines};
    use socket_workshop::threads::Call;

    fn thread(doing: Doing) -> Thread {
        Thread {
            id: 1,
            name: "answer".to_owned(),
            doing,
            call: None,
            turns: 0,
        }
    }

    #[test]
    fn a_step_names_each_call_once_and_only_if_all_threads_are_blocked() {
        let blocked = |call, fd| thread(Doing::Blocked { call, fd });
        let (accepts, reads) = (blocked(Call::Accept, Some(3)), blocked(Call::Read, Some(7)));
        let reads_too = blocked(Call::Read, Some(8));
        assert_eq!(
            blocked_in(&[accepts.clone(), reads, reads_too]).as_deref(),
            Some("your 3 threads are blocked in accept and in a read (recv)")
        );
        assert_eq!(blocked_in(&[accepts, thread(Doing::Running)]), None);
        assert_eq!(blocked_in(&[]), None);
    }

    #[test]
    fn many_threads_are_told_without_their_descriptors() {
        let reads = |fd| Doing::Blocked {
            call: Call::Read,
            fd: Some(fd),
        };
        let few = [Doing::Running, reads(7), reads(8)];
        assert_eq!(lines(&few).len(), 3);
        let many: Vec<Doing> = (7..57).map(reads).collect();
        assert_eq!(
            lines(&many),
            ["50 of your threads are blocked in a read (recv)"]
        );
    }
}
