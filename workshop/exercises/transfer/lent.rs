//! The stream is only lent: what a call must leave as it was, on every path.

use std::{io::ErrorKind, net::TcpStream, os::fd::AsRawFd, sync::Arc, time::Duration};

use nix::{
    errno::Errno,
    sys::socket::{MsgFlags, recv},
};
use socket_workshop::table::{End, State};
use socket2::SockRef;

use super::{
    ReadMessage,
    harness::{Connection, Got, LARGE, framed, message},
};

use crate::checks::lent::fix_buffers;
use crate::exam::{
    Because, Exam, Options, Peer, Verdict, descriptors,
    diagnosis::{LEAVES_A_THREAD, LEAVES_OPTIONS},
    numbered, or_skip,
};

/// The caller's timeouts.
const READ: Duration = Duration::from_millis(200);
const WRITE: Duration = Duration::from_secs(70);

const LIMIT: usize = 5;

/// A length for which an answer may want a larger buffer.
const LARGER: u32 = 8 << 20;

/// A way in which a call can end.
struct Path {
    /// What the peer sends.
    sent: Vec<u8>,
    /// What the peer does then.
    then: Then,
    wanted: Got,
    when: &'static str,
}

#[derive(Clone, Copy, PartialEq)]
enum Then {
    Stays,
    Closes,
    Resets,
}

fn paths() -> Vec<Path> {
    let path = |sent: &[u8], then, wanted, when| Path {
        sent: sent.to_vec(),
        then,
        wanted,
        when,
    };
    let cut = &framed(b"hello")[..6];
    let (eof, timeout) = (ErrorKind::UnexpectedEof, ErrorKind::WouldBlock);
    let (too_long, reset) = (ErrorKind::InvalidData, ErrorKind::ConnectionReset);
    vec![
        path(
            &framed(b"hello"),
            Then::Stays,
            message(b"hello"),
            "after a message",
        ),
        path(
            &framed(b""),
            Then::Stays,
            message(b""),
            "after an empty message",
        ),
        path(
            &framed(b"hello!"),
            Then::Stays,
            Err(too_long),
            "after a length above the limit",
        ),
        path(b"", Then::Stays, Err(timeout), "after a timeout"),
        path(
            cut,
            Then::Stays,
            Err(timeout),
            "after a timeout within a message",
        ),
        path(b"", Then::Closes, Ok(None), "after end of file"),
        path(
            b"\0",
            Then::Closes,
            Err(eof),
            "after end of file within a length",
        ),
        path(
            cut,
            Then::Closes,
            Err(eof),
            "after end of file within a message",
        ),
        path(b"", Then::Resets, Err(reset), "after a reset"),
        path(
            cut,
            Then::Resets,
            Err(reset),
            "after a reset within a message",
        ),
    ]
}

/// What is left of a connection after a call.
struct Lent<'e> {
    stream: Arc<TcpStream>,
    /// Kept open, unless it has reset the connection.
    _peer: Option<Peer<'e>>,
}

impl Path {
    fn connect<'e>(&self, exam: &'e Exam, read: ReadMessage) -> Verdict<Connection<'e>> {
        let connection = Connection::new(exam, read)?;
        if self.wanted == Err(ErrorKind::WouldBlock) {
            connection.has_timeout(Some(READ))?;
        }
        Ok(connection)
    }

    /// Calls the answer so that it ends in this way.
    fn is_taken<'e>(&self, connection: Connection<'e>) -> Verdict<Lent<'e>> {
        if self.then == Then::Resets {
            return self.is_reset(connection);
        }
        if !self.sent.is_empty() {
            connection.queues(&self.sent)?;
        }
        if self.then == Then::Closes {
            connection.peer.half_close()?;
        }
        let call = connection.call(LIMIT)?;
        call.returns(self.wanted.clone(), |_, _| None)?;
        Ok(Lent {
            stream: connection.stream,
            _peer: Some(connection.peer),
        })
    }

    fn is_reset<'e>(&self, connection: Connection<'e>) -> Verdict<Lent<'e>> {
        let call = connection.call(LIMIT)?;
        if !self.sent.is_empty() {
            connection.sends_a_piece(&self.sent)?;
        }
        connection.comes_to_rest()?;
        connection.peer.reset();
        call.returns(self.wanted.clone(), |_, _| None)?;
        Ok(Lent {
            stream: connection.stream,
            _peer: None,
        })
    }
}

pub(super) fn leaves_the_connection_open(exam: &Exam, read: ReadMessage) -> Verdict {
    for path in paths() {
        if path.then == Then::Resets {
            continue;
        }
        let lent = path.is_taken(path.connect(exam, read)?)?;
        is_open(exam, &lent.stream, path.when)?;
        if path.then == Then::Stays {
            can_be_read(exam, &lent.stream, path.when)?;
        }
    }
    Ok(())
}

/// The connection must be as open as the peer has left it.
fn is_open(exam: &Exam, stream: &TcpStream, when: &str) -> Verdict {
    let state = state_of(exam, stream)?;
    let seen = state.map_or("CLOSED".to_owned(), |state| state.to_string());
    exam.must(
        is_open_in(state),
        format!("your end to be ESTABLISHED or CLOSE_WAIT {when}"),
        format!("your end is {seen}; it has returned"),
    )
    .caused_by(SHUTS_DOWN)
}

/// The state of the answer's end, if it has one.
pub(super) fn state_of(exam: &Exam, stream: &TcpStream) -> Verdict<Option<State>> {
    let end = or_skip("read an address", End::of(stream))?;
    Ok(exam.table()?.find(end).map(|row| row.state))
}

/// Whether an end in this state has neither closed nor shut down its sending half.
pub(super) fn is_open_in(state: Option<State>) -> bool {
    matches!(state, Some(State::Established | State::CloseWait))
}

/// After `shutdown(Read)` the table shows no other state, but a read of an empty queue returns 0.
fn can_be_read(exam: &Exam, stream: &TcpStream, when: &str) -> Verdict {
    let mut buf = [0; 64];
    let end = loop {
        match recv(stream.as_raw_fd(), &mut buf, MsgFlags::MSG_DONTWAIT) {
            Ok(0) => break true,
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => break false,
        }
    };
    exam.must(
        !end,
        format!("a read of your end not to find end of file {when}: the peer has not closed"),
        "the exam's read of it returns 0",
    )
    .caused_by(SHUTS_DOWN)
}

const SHUTS_DOWN: &str = "Your code shuts the connection down, or closes it. The stream is only \
                          lent: the caller may want to answer the peer first, even after an error. \
                          Leave `shutdown` out.";

pub(super) fn leaves_the_options(exam: &Exam, read: ReadMessage) -> Verdict {
    for path in paths() {
        for is_set in [false, true] {
            let connection = path.connect(exam, read)?;
            has_options(&connection, is_set)?;
            if is_set && path.wanted != Err(ErrorKind::WouldBlock) {
                connection.has_timeout(Some(WRITE))?;
            }
            let before = Options::of(&*connection.stream);
            let lent = path.is_taken(connection)?;
            exam.has_options(&*lent.stream, &before, path.when)
                .diagnose(&[LEAVES_OPTIONS])?;
        }
    }
    // What a small message does not need.
    let large = numbered(300_000);
    let connection = Connection::new(exam, read)?;
    has_options(&connection, true)?;
    let before = Options::of(&*connection.stream);
    let call = connection.call(LARGE)?;
    let pouring = connection.peer.pours(framed(&large))?;
    call.returns(message(&large), |_, _| None)?;
    drop(pouring);
    exam.has_options(&*connection.stream, &before, "after a large message")
        .diagnose(&[LEAVES_OPTIONS])?;
    // Of one that is larger still the length is enough.
    let connection = Connection::new(exam, read)?;
    has_options(&connection, true)?;
    let before = Options::of(&*connection.stream);
    let cut = [&LARGER.to_be_bytes()[..], b"its beginning"].concat();
    connection.peer.send(&cut)?;
    connection.peer.half_close()?;
    let call = connection.call(usize::MAX)?;
    call.returns(Err(ErrorKind::UnexpectedEof), |_, _| None)?;
    let when = "after end of file within a message of 8 MiB";
    exam.has_options(&*connection.stream, &before, when)
        .diagnose(&[LEAVES_OPTIONS])
}

/// The options as std sets them, or all of them different.
fn has_options(connection: &Connection, is_set: bool) -> Verdict {
    let socket = SockRef::from(&*connection.stream);
    fix_buffers(&*connection.stream)?;
    or_skip("set TCP_NODELAY", socket.set_tcp_nodelay(is_set))?;
    or_skip("set SO_KEEPALIVE", socket.set_keepalive(is_set))?;
    let timeout = is_set.then_some(WRITE);
    or_skip("set a timeout", socket.set_write_timeout(timeout))?;
    or_skip("set SO_LINGER", socket.set_linger(timeout))
}

pub(super) fn leaves_no_thread(exam: &Exam, read: ReadMessage) -> Verdict {
    for path in paths() {
        let _lent = path.is_taken(path.connect(exam, read)?)?;
        exam.must(
            exam.leaves_no_thread()?,
            format!("no thread of `read_message` to be left {}", path.when),
            "a thread is left; the function has returned",
        )
        .diagnose(&[LEAVES_A_THREAD])?;
    }
    Ok(())
}

pub(super) fn leaves_no_descriptor(exam: &Exam, read: ReadMessage) -> Verdict {
    for path in paths() {
        let connection = path.connect(exam, read)?;
        let closed = usize::from(path.then == Then::Resets); // the exam's end
        let before = descriptors()? - closed;
        let _lent = path.is_taken(connection)?;
        exam.must(
            exam.comes_true(|| Ok(descriptors()? <= before))?,
            format!("{before} descriptors to be open {}, as before", path.when),
            format!("{} are open; the function has returned", descriptors()?),
        )
        .caused_by(
            "The function has returned, and a descriptor that it opened is still open: a clone \
             (`try_clone`), an epoll or an event descriptor that `mem::forget`, `into_raw_fd` or a \
             thread keeps. A server that leaks one descriptor per message soon runs out.",
        )?;
    }
    Ok(())
}
