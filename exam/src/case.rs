//! A check that was not met: what was expected, what was seen, the kernel's evidence, and the
//! causes that follow from these.

use std::io::ErrorKind;

use socket_workshop::{
    table::State,
    threads::{Call, Doing},
};

use super::{
    Stuck,
    diagnosis::{
        Diagnosis, SPINS, SPINS_AT_END_OF_FILE, WAITS_FOR_ITS_THREAD, WAITS_FOR_NO_THREAD, first_of,
    },
    evidence::{Evidence, Seen},
    place::Marked,
    report::{Failure, PANICKED},
    running::{Problem, problems, returned},
    trace::{Moment, Trace},
};

/// What a check returns.
pub type Verdict<T = ()> = Result<T, CheckError>;

/// Why a check was not passed.
#[derive(Debug)]
pub enum CheckError {
    /// The answer did not do what the check is about.
    Failed(Box<Case>),
    /// This machine does not have what the check needs. No failure.
    Skipped(String),
}

impl CheckError {
    /// The check cannot be made on this machine.
    pub fn skipped(why: impl Into<String>) -> CheckError {
        CheckError::Skipped(why.into())
    }
}

/// A failure while its cause is being looked for.
#[derive(Debug)]
pub struct Case {
    expected: String,
    seen: String,
    /// What the kernel showed at that moment.
    pub evidence: Evidence,
    /// What the check was waiting for.
    pub awaited: Awaited,
    /// Bytes of the answer's that had arrived at the peer which waited for them.
    pub arrived: Vec<u8>,
    /// All bytes that the peer waited for, where the check knew which these must be.
    pub wanted: Vec<u8>,
    /// The bytes that it is about, as a failure shows them, where the check is about bytes alone.
    pub bytes: Option<String>,
    /// Whether the student's code had panicked by then.
    pub panicked: bool,
    /// How the wait ended, if the check waited for something that did not happen.
    pub stuck: Option<Stuck>,
    /// The same as a failure prints it.
    pub(super) proof: Option<String>,
    /// The evidence for a page, if one is asked for.
    pub(super) moment: Option<Moment>,
    /// Where the student's code had panicked.
    panics: Vec<Marked>,
    /// What these panics said.
    pub(super) panic_messages: Vec<String>,
    cause: Option<String>,
}

/// What a check was waiting for when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// The answer's function to return.
    Return,
    /// Bytes at the peer.
    Bytes,
    /// End of file at the peer.
    EndOfFile,
    /// Nothing: something was as it must not be.
    Nothing,
}

/// To name the cause of a failure, where what was seen allows it.
pub trait Because {
    /// Asks for the cause, if the check has failed and no cause is known yet. `None` is "this is
    /// not what I know": the next may be asked.
    #[must_use]
    fn because(self, cause: impl FnOnce(&Case) -> Option<String>) -> Self;

    /// The first of these mistakes that the evidence shows.
    #[must_use]
    fn diagnose(self, diagnoses: &[Diagnosis]) -> Self
    where
        Self: Sized,
    {
        self.because(|case| first_of(diagnoses, case))
    }

    /// The cause, whatever the evidence says besides: the failure itself leaves no other.
    #[must_use]
    fn caused_by(self, cause: impl Into<String>) -> Self
    where
        Self: Sized,
    {
        self.because(|_| Some(cause.into()))
    }
}

impl<T> Because for Verdict<T> {
    fn because(mut self, cause: impl FnOnce(&Case) -> Option<String>) -> Self {
        if let Err(CheckError::Failed(case)) = &mut self
            && case.cause.is_none()
        {
            case.cause = cause(case);
        }
        self
    }
}

/// Each panic once, however often the function was called: an exam may call it again after one.
fn distinct(problems: Vec<Problem>) -> Vec<Problem> {
    let mut distinct: Vec<Problem> = Vec::new();
    for problem in problems {
        if !distinct.contains(&problem) {
            distinct.push(problem);
        }
    }
    distinct
}

impl Case {
    /// Everything as it is now. What the functions have returned, and where they have panicked, is
    /// added to what was seen: later it might be the exam's own doing.
    pub(super) fn new(expected: String, mut seen: String, evidence: Evidence) -> Case {
        let problems = distinct(problems());
        for problem in problems.iter().take(3) {
            seen += &format!("\n{PANICKED}{}: {}", problem.at, problem.message);
        }
        if !seen.contains("it has returned") {
            for returned in returned().iter().take(3) {
                seen += &format!("\n{returned}");
            }
        }
        Case {
            expected,
            seen,
            evidence,
            awaited: Awaited::Nothing,
            arrived: Vec::new(),
            wanted: Vec::new(),
            bytes: None,
            panicked: !problems.is_empty(),
            stuck: None,
            proof: None,
            moment: None,
            panics: problems.iter().filter_map(Problem::marked).collect(),
            panic_messages: problems.into_iter().map(|it| it.message).collect(),
            cause: None,
        }
    }

    /// The student's connection, if the kernel has one; the first if there are several.
    #[must_use]
    pub fn yours(&self) -> Option<&Seen> {
        self.evidence
            .yours()
            .find(|seen| seen.row.state != State::Listen)
    }

    /// Whether the student's connection is in this state.
    #[must_use]
    pub fn is_in(&self, state: State) -> bool {
        self.yours().is_some_and(|seen| seen.row.state == state)
    }

    /// Whether a thread of the student's is blocked in one of these.
    #[must_use]
    pub fn is_blocked_in(&self, calls: &[Call]) -> bool {
        self.evidence.threads.iter().any(|doing| match doing {
            Doing::Blocked { call, .. } => calls.contains(call),
            _ => false,
        })
    }

    /// Whether a function under examination has returned.
    #[must_use]
    pub fn has_returned(&self) -> bool {
        self.seen.contains("has returned")
    }

    /// Whether a function that should have failed has returned Ok.
    #[must_use]
    pub fn has_returned_ok(&self) -> bool {
        self.seen.contains("has returned Ok")
    }

    /// Whether a function has returned an error.
    #[must_use]
    pub fn has_returned_an_error(&self) -> bool {
        let told = ["has returned Err(", "has returned an error"];
        told.iter().any(|told| self.seen.contains(told))
    }

    /// Whether a function has returned an error of this kind.
    #[must_use]
    pub fn has_returned_error(&self, kind: ErrorKind) -> bool {
        // As a check says it, as `Debug` writes an error of the kernel's, and as it writes a bare
        // kind.
        let told = [
            format!("({kind:?})"),
            format!("kind: {kind:?}"),
            format!("Kind({kind:?})"),
        ];
        self.has_returned() && told.iter().any(|told| self.seen.contains(told))
    }

    /// Whether a thread of the student's is running, in no system call that waits.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.evidence.threads.contains(&Doing::Running)
    }

    /// The failure as it is printed. The check knew the cause, or the
    /// suite does, or the evidence alone says something.
    pub(super) fn close(mut self, exercise: &str, suites: fn(&Case) -> Option<String>) -> Failure {
        let known = self.cause.take();
        let cause = known.or_else(|| suites(&self)).or_else(|| self.diagnose());
        let is_one_kind = self.evidence.threads.windows(2).all(|two| two[0] == two[1]);
        let is_told = self.stuck.as_ref().is_some_and(Stuck::is_proven) && is_one_kind;
        let mut kernel = self.evidence.lines(!is_told);
        let trace = self.moment.map(|moment| Trace {
            last: Some(moment),
            lines: kernel.len(),
            ..Trace::default()
        });
        kernel.extend(self.proof);
        Failure {
            places: self.panics,
            steps: Vec::new(), // the supervisor has received them
            expected: self.expected,
            seen: self.seen,
            bytes: self.bytes,
            kernel,
            cause,
            look: self.evidence.look().map(|_| {
                format!("cargo workshop check {exercise} --hold   keeps the sockets for netstat")
            }),
            trace: trace.map(Box::new),
        }
    }

    /// What the evidence alone says, when the check knew no better.
    fn diagnose(&self) -> Option<String> {
        if let Some(known) = first_of(&[SPINS_AT_END_OF_FILE, SPINS], self) {
            return Some(known);
        }
        let queued = self.yours().is_some_and(|seen| seen.row.recv_q > 0);
        Some(if self.is_running() {
            "Your thread was running when the exam looked at it: it was not waiting in a system \
             call."
        } else if self.is_blocked_in(&[Call::Read]) && !queued {
            "Your thread waits in a read for bytes that will never be sent. It has read all that \
             has come: Recv-Q is 0."
        } else if self.is_blocked_in(&[Call::Write]) {
            "Your thread is blocked in a write: the peer's receive buffer and your send buffer are \
             full, and the peer is not reading."
        } else if self.is_blocked_in(&[Call::Accept]) {
            "Your thread waits in accept for another connection."
        } else if self.is_blocked_in(&[Call::Lock]) {
            return first_of(&[WAITS_FOR_NO_THREAD, WAITS_FOR_ITS_THREAD], self);
        } else if self.is_blocked_in(&[Call::Sleep]) {
            "Your thread sleeps. Wait for an event instead: the bytes, the end of file, the \
             deadline."
        } else {
            return None;
        }
        .to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use socket_workshop::wait::Look;

    use super::{Case, Doing, Evidence, Problem, SPINS, Stuck, distinct};

    #[test]
    fn a_loop_is_the_cause_only_where_a_spin_is_proven() {
        let evidence = Evidence {
            threads: vec![Doing::Running],
            ..Evidence::default()
        };
        let mut case = Case::new("x".to_owned(), "y".to_owned(), evidence);
        let cause = case.diagnose().unwrap();
        assert!(
            !cause.contains("loop") && cause.contains("was running"),
            "{cause}"
        );
        case.stuck = Some(Stuck::Spin(Duration::from_millis(300), Look::default()));
        let cause = case.diagnose().unwrap();
        assert_eq!(cause, SPINS.words);
    }

    #[test]
    fn a_panic_that_is_met_again_is_shown_once() {
        let panic = |message: &str, line: u32| Problem {
            message: message.to_owned(),
            at: format!("echo.rs:{line}"),
            spot: None,
        };
        let first = panic("overflow", 5);
        let met = [
            &first,
            &panic("overflow", 6),
            &first,
            &panic("end", 5),
            &first,
        ];
        let shown = distinct(met.into_iter().cloned().collect());
        assert_eq!(shown, [first, panic("overflow", 6), panic("end", 5)]);
    }
}
