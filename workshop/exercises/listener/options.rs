//! What a listener must not have, and what a failed call must not leave: for exercises that ask for
//! one.

use std::net::TcpListener;

use socket2::SockRef;

use crate::exam::{Because, Exam, Verdict, descriptors, or_skip};

/// The listener has no O_NONBLOCK.
pub(in crate::checks) fn blocks(exam: &Exam, listener: &TcpListener) -> Verdict {
    let nonblocking = SockRef::from(listener).nonblocking();
    let nonblocking = or_skip("read the socket's flags", nonblocking)?;
    exam.must(!nonblocking, "a socket that blocks", "O_NONBLOCK is set")
        .caused_by(
            "With O_NONBLOCK, `accept` fails with WouldBlock if no client waits, and a loop around \
             it spins. Leave the listener blocking.",
        )
}

/// The listener has no timeout and no SO_LINGER: accepted connections inherit these.
pub(in crate::checks) fn has_no_timeout(exam: &Exam, listener: &TcpListener) -> Verdict {
    let socket = SockRef::from(listener);
    let read = or_skip("read SO_RCVTIMEO", socket.read_timeout())?;
    let write = or_skip("read SO_SNDTIMEO", socket.write_timeout())?;
    exam.must(
        read.is_none() && write.is_none(),
        "no SO_RCVTIMEO and no SO_SNDTIMEO",
        format!("SO_RCVTIMEO is {read:?}, SO_SNDTIMEO is {write:?}"),
    )
    .caused_by(
        "SO_RCVTIMEO makes `accept` fail with WouldBlock, and each accepted connection inherits \
         both timeouts for its reads and writes. Set no timeout on the listener.",
    )?;
    let user = or_skip("read TCP_USER_TIMEOUT", socket.tcp_user_timeout())?;
    let user = user.filter(|timeout| !timeout.is_zero());
    exam.must(
        user.is_none(),
        "no TCP_USER_TIMEOUT",
        format!("TCP_USER_TIMEOUT is {user:?}"),
    )
    .caused_by(
        "Each accepted connection inherits TCP_USER_TIMEOUT. The kernel then ends a connection \
         with ETIMEDOUT if its client does not read or acknowledge for that long. Leave it at 0.",
    )?;
    let linger = or_skip("read SO_LINGER", socket.linger())?;
    exam.must(
        linger.is_none(),
        "no SO_LINGER",
        format!("SO_LINGER is {linger:?}"),
    )
    .caused_by(
        "Each accepted connection inherits SO_LINGER. With 0 seconds a close sends RST: that \
         leaves no TIME_WAIT, but the client loses what it has not read. With more, the close \
         blocks. Leave it off.",
    )
}

/// After calls that failed, no more descriptors are open than `before`.
pub(in crate::checks) fn no_descriptor_is_left(exam: &Exam, before: usize) -> Verdict {
    let closed = exam.comes_true(|| Ok(descriptors()? <= before))?;
    let left = descriptors()?.saturating_sub(before);
    exam.must(
        closed,
        "no descriptor to be left of calls that failed",
        format!("{left} descriptors are still open"),
    )
    .caused_by(
        "The socket of a failed call is still open. A `Socket` is closed when it is dropped, on \
         every `?` too. A raw descriptor, a leaked `Box` or `mem::forget` prevents that.",
    )
}
