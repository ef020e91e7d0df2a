//! The process of one check.

use std::{
    fs::File,
    io,
    os::fd::AsFd,
    panic::{self, AssertUnwindSafe},
    process,
    sync::{Arc, Mutex, PoisonError},
};

use nix::{
    sys::{
        resource::{Resource, getrlimit, setrlimit},
        signal::{Signal, raise},
    },
    unistd::{dup2_stdin, setsid},
};

use super::protocol::{Message, Reports};
use crate::{
    Case, CheckError, Exam, Moment, Verdict, descriptors,
    place::Sought,
    report::Outcome,
    running::{Problem, problems, record_panics},
};

/// The way from a check's process to its supervisor.
#[derive(Clone)]
pub(crate) struct Supervisor {
    reports: Arc<Mutex<Reports>>,
    asked: Asked,
}

/// What the supervisor asks for besides the outcome.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    /// To look at the sockets of a check that fails.
    pub(super) hold: bool,
    /// What the kernel shows after each step.
    pub(super) trace: bool,
}

impl Supervisor {
    pub(crate) fn report(&self, message: &Message) {
        let reports = self.reports.lock();
        reports
            .unwrap_or_else(PoisonError::into_inner)
            .send(message);
    }

    /// The check has failed just now: in which lines are these threads?
    /// Waits until they have been found. Without threads: none are shown,
    /// whatever a failure before this one, which did not count, has shown.
    pub(crate) fn find(&self, threads: Vec<Sought>) {
        self.report(&Message::Where(threads));
    }

    /// The check has failed just now. The whole process stops, threads and all, with its sockets as
    /// they are; the kernel's side of them goes on.
    pub(crate) fn may_hold(&self, look: Option<String>) {
        if self.asked.hold {
            self.report(&Message::Held(look));
            let _ = raise(Signal::SIGSTOP);
        }
    }

    pub(crate) fn traces(&self) -> bool {
        self.asked.trace
    }

    /// What the kernel showed after the last step.
    pub(crate) fn traced(&self, moment: Moment) {
        self.report(&Message::Moment(moment));
    }
}

impl Exam {
    /// Limits the descriptors of the check's process, as an answer must not.
    ///
    /// # Errors
    /// getrlimit(2) or setrlimit(2) failed.
    pub fn limit_descriptors(&self, limit: u64) -> io::Result<()> {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
        let limit = limit.min(hard);
        self.supervisor.report(&Message::LimitsDescriptors(limit));
        Ok(setrlimit(Resource::RLIMIT_NOFILE, limit, hard)?)
    }
}

/// The check's own process: makes the check, says what came of it, and
/// ends, whatever else is running.
pub(super) fn examine(
    exercise: &str,
    student_file: &str,
    asked: Asked,
    check: impl FnOnce(&Exam) -> Verdict,
    cause: fn(&Case) -> Option<String>,
) -> ! {
    let supervisor = match prepare() {
        Ok(reports) => Supervisor {
            reports: Arc::new(Mutex::new(reports)),
            asked,
        },
        // This program was not started by its supervisor, or the supervisor has ended.
        Err(_) => process::exit(2),
    };
    let before = descriptors().unwrap_or_default();
    let teller = supervisor.clone();
    record_panics(student_file.to_owned(), move |problem| {
        if let Some(outcome) = todo(problem) {
            let end = Message::End {
                outcome,
                is_late: false,
                ours: 0,
            };
            teller.report(&end); // nothing more can be learnt
            process::exit(0);
        }
    });
    supervisor.report(&Message::Begin);
    let exam = Exam::new(supervisor);
    let verdict = panic::catch_unwind(AssertUnwindSafe(|| check(&exam)));
    let outcome = match verdict {
        Ok(Ok(())) => Outcome::Passed,
        Ok(Err(CheckError::Skipped(why))) => Outcome::Skipped { why },
        Ok(Err(CheckError::Failed(case))) => Outcome::Failed(case.close(exercise, cause)),
        Err(_) => Outcome::Skipped {
            why: format!("the check itself is broken: {:?}", problems()),
        },
    };
    let ours = before + exam.own.borrow().len();
    exam.supervisor.report(&Message::End {
        outcome,
        is_late: exam.is_late.get(),
        ours,
    });
    process::exit(0);
}

/// Takes away what the answer could use to reach those who examine it, and returns the way to them.
fn prepare() -> io::Result<Reports> {
    #[cfg(target_os = "linux")] // a supervisor that is killed cannot kill us any more
    let _ = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
    // After that: a supervisor that had ended before is noticed. The clone is closed by exec.
    let reports = Reports::on(io::stdin().as_fd().try_clone_to_owned()?)?;
    dup2_stdin(File::open("/dev/null")?)?; // an answer that reads stdin gets end of file
    // The processes of other sessions cannot be joined (setpgid(2), EPERM).
    setsid()?;
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    confine();
    Ok(reports)
}

/// From now on this process and its children can send signals to each
/// other only, and trace no other process (landlock(7)). Linux before 6.12
/// has no such thing: there an answer can signal whom its user can.
fn confine() {
    #[cfg(target_os = "linux")]
    let _ = {
        use landlock::{Ruleset, RulesetAttr, Scope};
        let signals = Ruleset::default().scope(Scope::Signal);
        signals
            .and_then(Ruleset::create)
            .and_then(landlock::RulesetCreated::restrict_self)
    };
}

/// Whether the panic is the `todo!` of an answer that has not been written yet.
fn todo(problem: &Problem) -> Option<Outcome> {
    let hint = problem.message.strip_prefix("not yet implemented")?;
    Some(Outcome::Todo {
        hint: hint.trim_start_matches(": ").to_owned(),
        at: problem.at.clone(),
    })
}
