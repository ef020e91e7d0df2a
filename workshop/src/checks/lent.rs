//! A stream that an answer has borrowed, when it has returned: open in both directions, and
//! blocking.

use std::{io, net::TcpStream, os::fd::AsRawFd};

use nix::{
    fcntl::{FcntlArg, OFlag, fcntl},
    sys::socket::{MsgFlags, recv},
};
use socket_workshop::table::{End, State};

use crate::exam::{
    Because, Exam, Verdict,
    diagnosis::{LEAVES_IT_NON_BLOCKING, SHUTS_DOWN_WHAT_WAS_LENT},
    here,
};

/// Neither half is shut down, and O_NONBLOCK is not set. The peer may have closed its half.
pub(super) fn is_as_it_was(exam: &Exam, stream: &TcpStream) -> Verdict {
    let end = here("read an address", End::of(stream))?;
    let state = exam.table()?.find(end).map(|row| row.state);
    // The kernel does not show that the receiving half is shut down, but then a read does not wait.
    let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
    let ends = matches!(recv(stream.as_raw_fd(), &mut [0], flags), Ok(0));
    let seen = match state {
        Some(State::Established) if ends => "a read returns Ok(0), and the peer has not closed",
        Some(State::Established | State::CloseWait) => "",
        Some(_) => "your code has shut it down",
        None => "it has been closed",
    };
    exam.must(
        seen.is_empty(),
        "the connection to be open still, in both directions",
        seen,
    )
    .diagnose(&[SHUTS_DOWN_WHAT_WAS_LENT])?;
    let flags = fcntl(stream, FcntlArg::F_GETFL).map_err(io::Error::from);
    let flags = OFlag::from_bits_retain(here("read a socket's flags", flags)?);
    exam.must(
        !flags.contains(OFlag::O_NONBLOCK),
        "the stream to block, as it did before",
        "O_NONBLOCK is set",
    )
    .diagnose(&[LEAVES_IT_NON_BLOCKING])
}
