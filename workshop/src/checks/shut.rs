//! A listener that is shut down while `serve` accepts from it: accept fails.

use std::{
    io::{self, ErrorKind},
    net::{Shutdown, TcpListener},
};

use socket2::SockRef;

use crate::exam::{Because, Exam, Verdict};

/// Shuts the listener down.
pub(super) fn shut_down(exam: &Exam, listener: &TcpListener) -> Verdict {
    let shut_down = SockRef::from(listener).shutdown(Shutdown::Both);
    exam.must(
        shut_down.is_ok(),
        "a socket that listens",
        "it does not listen",
    )?;
    exam.step(
        "shut the listening socket down: it is no longer in LISTEN, and accept returns EINVAL",
    );
    Ok(())
}

/// What `serve` has returned is the error of accept.
pub(super) fn is_its_error(exam: &Exam, error: &io::Error) -> Verdict {
    let expected = "the error of accept, EINVAL, of kind InvalidInput";
    let seen = format!("{error} ({:?})", error.kind());
    exam.must(error.kind() == ErrorKind::InvalidInput, expected, seen)
        .caused_by("Return the error of accept unchanged: the caller looks at its kind.")
}
