//! The process of one check.

use std::{
    io::{self, Write},
    os::{fd::AsFd, unix::net::UnixStream},
    panic::{self, AssertUnwindSafe},
    process,
};

use nix::sys::{
    resource::{Resource, setrlimit},
    signal::{Signal, raise},
};
use serde::{Deserialize, Serialize};

use crate::exam::{
    Case, Exam, Unmet, Verdict,
    answer::{Problem, problems, record_panics},
    report::Outcome,
};

/// What a check's process says on its stdin, a socket: a line of JSON each.
#[derive(Serialize, Deserialize)]
pub(in crate::exam) enum Message {
    Step(String),
    /// It has failed, and stops until it is told to go on: the command to look at its sockets.
    Held(Option<String>),
    End(Outcome),
}

/// The way from a check's process to its supervisor.
pub(in crate::exam) struct Supervisor {
    socket: UnixStream,
    /// Whether it wants to look at the sockets of a check that fails.
    holds: bool,
}

impl Supervisor {
    pub(in crate::exam) fn hear(&self, message: &Message) {
        let mut line = serde_json::to_vec(message).expect("strings and lists have a form in JSON");
        line.push(b'\n');
        let _ = (&self.socket).write_all(&line);
    }

    /// The check has failed just now. The whole process stops, threads and all, with its sockets as
    /// they are; the kernel's side of them goes on.
    pub(in crate::exam) fn may_hold(&self, look: Option<String>) {
        if self.holds {
            self.hear(&Message::Held(look));
            let _ = raise(Signal::SIGSTOP);
        }
    }
}

/// The check's own process: makes the check, says what came of it, and ends, whatever else is running.
pub(super) fn examine(
    holds: bool,
    check: impl FnOnce(&Exam) -> Verdict,
    cause: fn(&Case) -> Option<String>,
) -> ! {
    let socket = || {
        let stdin = io::stdin().as_fd().try_clone_to_owned();
        Supervisor {
            socket: stdin.expect("a new process has descriptors").into(),
            holds,
        }
    };
    let supervisor = socket();
    record_panics(move |problem| {
        if let Some(todo) = todo(problem) {
            supervisor.hear(&Message::End(todo)); // nothing more can be learnt
            process::exit(0);
        }
    });
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    #[cfg(target_os = "linux")] // a supervisor that is killed cannot kill us any more
    let _ = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
    let exam = Exam::new(socket());
    let verdict = panic::catch_unwind(AssertUnwindSafe(|| check(&exam)));
    let outcome = match verdict {
        Ok(Ok(())) => Outcome::Passed,
        Ok(Err(Unmet::NotHere(why))) => Outcome::NotHere { why },
        Ok(Err(Unmet::Failed(case))) => Outcome::Failed(case.close(cause)),
        Err(_) => Outcome::NotHere {
            why: format!("the check itself is broken: {:?}", problems()),
        },
    };
    exam.supervisor.hear(&Message::End(outcome));
    process::exit(0);
}

/// Whether the panic is the `todo!` of an answer that has not been written yet.
fn todo(problem: &Problem) -> Option<Outcome> {
    let hint = problem.message.strip_prefix("not yet implemented")?;
    Some(Outcome::Todo {
        hint: hint.trim_start_matches(": ").to_owned(),
        at: problem.at.clone(),
    })
}
