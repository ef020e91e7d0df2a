//! How long an answer rests where it has nothing to wait for.

use std::time::{Duration, Instant};

use socket_workshop::threads::{Thread, others};

use crate::exam::{Call, Exam, Running, Verdict, or_skip};

/// How the threads of a call waited.
pub(super) struct Rested {
    /// For how long all of them were blocked, from one look to the next: a thread that waits for a
    /// CPU is not.
    pub(super) time: Duration,
    /// Whether one was seen in a sleep.
    pub(super) slept: bool,
}

/// Waits for the end of a call, and looks at its threads meanwhile.
pub(super) fn rests<T>(exam: &Exam, answer: &Running<'_, T>) -> Verdict<Rested> {
    rests_from(exam, answer, || Ok(true))
}

/// The same, from the moment at which this is true for the first time.
pub(super) fn rests_from<T>(
    exam: &Exam,
    answer: &Running<'_, T>,
    mut begins: impl FnMut() -> Verdict<bool>,
) -> Verdict<Rested> {
    let (mut time, mut slept, mut has_begun) = (Duration::ZERO, false, false);
    let mut before: (Instant, Vec<Thread>) = (Instant::now(), Vec::new());
    exam.comes_true(|| {
        if !has_begun {
            has_begun = begins()?;
            return Ok(answer.has_ended());
        }
        let now = Instant::now();
        let mut threads = or_skip("look at threads", others())?;
        threads.retain(|thread| !thread.name.starts_with("exam"));
        let in_a_sleep =
            |thread: &Thread| thread.call.is_some_and(|call| call.call() == Call::Sleep);
        slept |= threads.iter().any(in_a_sleep);
        let (then, old) = &before;
        let mut pairs = threads.iter().zip(old);
        let stayed = pairs.all(|(now, old)| now.has_stayed_blocked_since(old));
        if stayed && !threads.is_empty() && threads.len() == old.len() {
            time += now - *then;
        }
        before = (now, threads);
        Ok(answer.has_ended())
    })?;
    Ok(Rested { time, slept })
}
