//! Rules that are about time. A lower bound is strict: an answer that waits must not end before its
//! limit. An upper bound leaves room for what is not the answer's doing: the time it was ready to
//! run and had no CPU, and a margin. A wait of the exam's own runs beside the answer; where that
//! misses its bounds, the machine is too busy, and nothing is said of the answer. The whole machine
//! may have stood still for a moment, which neither of them shows: the supervisor makes a check
//! again that has failed by a clock, and believes it when it has failed every time.

use std::{
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{CheckError, Exam, Verdict, or_skip, threads::CLOCK};

/// How long a call took, on the thread that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Took {
    /// From the call to its return.
    pub time: Duration,
    /// How much of that the thread waited for a CPU, ready to run.
    pub delay: Duration,
}

/// A wait of the exam's own, of the length that is asked of the answer.
#[derive(Debug)]
pub struct Reference<'a> {
    exam: &'a Exam,
    limit: Duration,
    thread: JoinHandle<Duration>,
}

/// Whether something took as long as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    /// It did.
    InTime,
    /// It ended before the limit.
    Early,
    /// It ended after the limit and the margin.
    Late,
}

impl Exam {
    /// Begins a wait of this length, beside the answer's.
    ///
    /// # Errors
    /// No thread can be started here.
    pub fn reference(&self, limit: Duration) -> Verdict<Reference<'_>> {
        let wait = move || {
            let begun = Instant::now();
            thread::sleep(limit); // its length is the subject
            begun.elapsed()
        };
        let thread = thread::Builder::new().name(CLOCK.to_owned()).spawn(wait);
        Ok(Reference {
            exam: self,
            limit,
            thread: or_skip("start a thread", thread)?,
        })
    }
}

impl Reference<'_> {
    /// Whether a call took at least the limit, and at most that and the margin.
    ///
    /// # Errors
    /// The exam's own wait was late by more than half of the margin: the
    /// machine is too busy to say.
    pub fn judges(self, took: Took, margin: Duration) -> Verdict<Timing> {
        if took.time < self.limit {
            return Ok(Timing::Early);
        }
        if took.time.saturating_sub(took.delay) <= self.limit + margin {
            return Ok(Timing::InTime);
        }
        let own = self.thread.join().unwrap_or(Duration::MAX);
        if own > self.limit + margin / 2 {
            return Err(CheckError::skipped(format!(
                "the machine is too busy: a wait of {:?} of the exam's own took {own:.0?}",
                self.limit
            )));
        }
        self.exam.is_late.set(true);
        Ok(Timing::Late)
    }
}
