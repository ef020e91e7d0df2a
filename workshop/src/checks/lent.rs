//! A stream that an answer borrows, call after call: what the exam sends on it, and how it must be
//! when a call has returned.

use std::{
    io,
    net::TcpStream,
    os::fd::{AsFd, AsRawFd},
    sync::Arc,
};

use nix::{
    fcntl::{FcntlArg, OFlag, fcntl},
    sys::socket::{MsgFlags, recv},
};
use socket_workshop::table::{End, State};
use socket2::SockRef;

use super::queue;

use crate::exam::{
    Because, Buffers, Exam, Peer, Verdict,
    diagnosis::{LEAVES_OPTIONS, SHUTS_DOWN_WHAT_WAS_LENT},
    or_skip,
};

/// A buffer of this size, in bytes, keeps it: the kernel resizes only buffers that were not set.
const FIXED: usize = 64 << 10;

/// A connection: the exam has one end, and lends the other to the answer's function.
pub(super) struct Connection<'e, F> {
    pub(super) exam: &'e Exam,
    pub(super) peer: Peer<'e>,
    pub(super) stream: Arc<TcpStream>,
    pub(super) function: F,
}

impl<'e, F> Connection<'e, F> {
    pub(super) fn new(exam: &'e Exam, function: F) -> Verdict<Connection<'e, F>> {
        Self::with(exam, function, Buffers::default())
    }

    pub(super) fn with(
        exam: &'e Exam,
        function: F,
        buffers: Buffers,
    ) -> Verdict<Connection<'e, F>> {
        let (peer, stream) = exam.connection_with(buffers)?;
        Ok(Connection {
            exam,
            peer,
            stream: Arc::new(stream),
            function,
        })
    }

    /// Sends, and waits until all of it stands in Recv-Q. Only while no call is under way.
    pub(super) fn queues(&self, bytes: &[u8]) -> Verdict {
        let before = self.recv_q()?;
        self.peer.send(bytes)?;
        queue::holds(self.exam, self.end()?, before + bytes.len())
    }

    /// Sends, and waits until it has been taken from the socket: what is sent next comes in another
    /// read. Unless the answer leaves it there: it may wait for more.
    pub(super) fn sends_a_piece(&self, bytes: &[u8]) -> Verdict {
        self.peer.send(bytes)?;
        queue::is_taken(self.exam, self.end()?)
    }

    /// How many bytes wait for the answer in its socket, once all that was sent has arrived there.
    pub(super) fn recv_q(&self) -> Verdict<usize> {
        queue::recv_q(self.exam, self.end()?)
    }

    fn end(&self) -> Verdict<End> {
        or_skip("read an address", End::of(&self.stream))
    }
}

/// Sets the sizes of the buffers, which are then equal before and after a call.
pub(super) fn fix_buffers(stream: &impl AsFd) -> Verdict {
    let socket = SockRef::from(stream);
    or_skip("set SO_SNDBUF", socket.set_send_buffer_size(FIXED))?;
    or_skip("set SO_RCVBUF", socket.set_recv_buffer_size(FIXED))
}

/// Neither half is shut down, and O_NONBLOCK is not set. The peer may have closed its half.
pub(super) fn is_as_it_was(exam: &Exam, stream: &TcpStream) -> Verdict {
    let end = or_skip("read an address", End::of(stream))?;
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
    let flags = OFlag::from_bits_retain(or_skip("read a socket's flags", flags)?);
    exam.must(
        !flags.contains(OFlag::O_NONBLOCK),
        "the stream to block, as it did before",
        "O_NONBLOCK is set",
    )
    .diagnose(&[LEAVES_OPTIONS])
}
