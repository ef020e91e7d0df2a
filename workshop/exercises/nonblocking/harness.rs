//! A call of the answer, and the descriptor that cancels it.

use std::{
    fs::File,
    io::{self, ErrorKind, Write},
    mem,
    net::{SocketAddr, TcpStream},
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::net::UnixStream,
    },
    sync::Arc,
    time::Duration,
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::select::FD_SETSIZE,
};
use socket_workshop::table::{End, State, Table};

use super::{Connect, cause, hangs};

use crate::{
    checks::dialer::address::Address,
    exam::{AMPLE, Because, Case, Exam, Running, Verdict, inode_of, or_skip},
};

/// Cancels a dial: the answer is lent the reading end of a pipe, or of a socket.
#[derive(Debug)]
pub(super) struct Cancel {
    lent: Arc<OwnedFd>,
    inode: u64,
    is_socket: bool,
    writer: Option<File>,
}

impl Cancel {
    pub(super) fn new() -> Verdict<Cancel> {
        let (reader, writer) = or_skip("make a pipe", io::pipe())?;
        Cancel::of(reader.into(), writer.into(), false)
    }

    /// One that is a socket. Unlike a pipe's reading end, it can always be written.
    pub(super) fn of_a_socket() -> Verdict<Cancel> {
        let (lent, other) = or_skip("make a pair of sockets", UnixStream::pair())?;
        Cancel::of(lent.into(), other.into(), true)
    }

    fn of(lent: OwnedFd, writer: OwnedFd, is_socket: bool) -> Verdict<Cancel> {
        Ok(Cancel {
            inode: inode_of(&lent)?,
            lent: Arc::new(lent),
            is_socket,
            writer: Some(writer.into()),
        })
    }

    /// One whose descriptor has a number that select(2) does not know. `None` where the number of a
    /// descriptor is limited to less.
    pub(super) fn with_a_high_number(exam: &Exam) -> Verdict<Option<Cancel>> {
        let limited = exam.limit_descriptors(2 * FD_SETSIZE as u64);
        or_skip("limit the descriptors of this process", limited)?;
        let mut cancel = Cancel::new()?;
        let mut lower = Vec::new();
        loop {
            let Ok(clone) = cancel.lent.try_clone() else {
                return Ok(None);
            };
            if clone.as_raw_fd() as usize >= FD_SETSIZE {
                cancel.lent = Arc::new(clone);
                return Ok(Some(cancel));
            }
            lower.push(clone);
        }
    }

    /// Makes it readable.
    pub(super) fn write(&mut self, exam: &Exam) -> Verdict {
        exam.step("wrote a byte to the other end of `cancel`: it is readable");
        match &mut self.writer {
            Some(writer) => or_skip("write to `cancel`", writer.write_all(b"x")),
            None => Ok(()),
        }
    }

    /// Makes it readable by an end of file.
    pub(super) fn end(&mut self, exam: &Exam) {
        exam.step("closed the other end of `cancel`: a read from it would return 0, end of file");
        self.writer = None;
    }

    /// Whether what was written is still there to be read.
    pub(super) fn is_readable(&self) -> Verdict<bool> {
        let mut fds = [PollFd::new(self.lent.as_fd(), PollFlags::POLLIN)];
        let ready = poll(&mut fds, PollTimeout::ZERO).map_err(io::Error::from);
        Ok(or_skip("poll `cancel`", ready)? > 0)
    }
}

impl Cancel {
    /// Whether the descriptor still leads to the pipe or the socket.
    pub(super) fn is_open(&self) -> bool {
        inode_of(&*self.lent).is_ok_and(|inode| inode == self.inode)
    }

    /// As `/proc/pid/fd` names it.
    pub(super) fn target(&self) -> String {
        let kind = if self.is_socket { "socket" } else { "pipe" };
        format!("{kind}:[{}]", self.inode)
    }

    /// The end that is lent.
    pub(super) fn lent(&self) -> &OwnedFd {
        &self.lent
    }
}

/// If the answer has closed the descriptor, its number may be another's by now: it is not closed
/// again.
impl Drop for Cancel {
    fn drop(&mut self) {
        if !self.is_open() {
            mem::forget(Arc::clone(&self.lent));
        }
    }
}

/// One call.
#[derive(Debug)]
pub(super) struct Call<'e> {
    exam: &'e Exam,
    pub(super) answer: Running<'e, io::Result<TcpStream>>,
    pub(super) addr: SocketAddr,
    pub(super) limit: Duration,
    cancel_is_a_socket: bool,
}

impl<'e> Call<'e> {
    pub(super) fn begin(
        exam: &'e Exam,
        connect: Connect,
        addr: SocketAddr,
        limit: Duration,
        cancel: &Cancel,
    ) -> Verdict<Call<'e>> {
        Call::begin_and_then(exam, connect, (addr, limit), cancel, || ())
    }

    /// As [`Call::begin`]. When the function has returned, its thread does something else.
    pub(super) fn begin_and_then(
        exam: &'e Exam,
        connect: Connect,
        (addr, limit): (SocketAddr, Duration),
        cancel: &Cancel,
        then: impl FnOnce() + Send + 'static,
    ) -> Verdict<Call<'e>> {
        let kind = match cancel.is_socket {
            true => ", with a socket as `cancel`",
            false => "",
        };
        exam.step(format!(
            "called `connect` with {addr} and a limit of {}{kind}",
            readable(limit)
        ));
        let lent = Arc::clone(&cancel.lent);
        let body = move || {
            let returned = connect(addr, limit, lent.as_fd());
            then();
            returned
        };
        Ok(Call {
            exam,
            answer: exam.start("connect", body)?,
            addr,
            limit,
            cancel_is_a_socket: cancel.is_socket,
        })
    }

    /// It must return a stream that is connected to the address, and does.
    pub(super) fn connects(&self, when: &str) -> Verdict<TcpStream> {
        let returned = self.answer.returns(when);
        let returned = returned.because(hangs::never_connects)?;
        let stream = match returned {
            Ok(stream) => stream,
            Err(error) => {
                let expected = format!("`connect` to return Ok {when}");
                return self
                    .exam
                    .fail(expected, self.seen(&error))
                    .because(|case| cause::instead_of_a_connection(&error, self.addr, case));
            }
        };
        let seen = match stream.peer_addr() {
            Ok(peer) if peer == self.addr => return Ok(stream),
            Ok(peer) => format!("its peer is {peer}"),
            Err(error) => format!("it has no peer: {error}"),
        };
        let expected = format!("the stream to be connected to {}", self.addr);
        self.exam.fail(expected, seen).because(cause::not_connected)
    }

    /// It must return an error of this kind. The check knows the cause if it does not return.
    pub(super) fn fails(
        &self,
        kind: ErrorKind,
        when: &str,
        hangs: impl FnOnce(&Case) -> Option<String>,
    ) -> Verdict {
        let returned = self.answer.returns(when).because(hangs)?;
        let took = self.answer.took().time;
        let expected = format!("`connect` to return an error of the kind {kind:?} {when}");
        match returned {
            Err(error) if error.kind() == kind => {
                self.exam
                    .step(format!("it returned an error of the kind {kind:?}"));
                Ok(())
            }
            Err(error) => self
                .exam
                .fail(expected, self.seen(&error))
                .because(|_| cause::another_error(&error, kind, took, self.limit)),
            Ok(_stream) => self
                .exam
                .fail(expected, "it has returned Ok")
                .because(match kind {
                    ErrorKind::TimedOut | ErrorKind::ConnectionAborted => cause::not_connected,
                    ErrorKind::ConnectionRefused => cause::not_refused,
                    _ => cause::loses_an_immediate_error,
                }),
        }
    }

    /// Why it has not returned, although it has a limit.
    pub(super) fn overdue(&self, case: &Case) -> Option<String> {
        match case.is_running() && !case.panicked && self.answer.age() < self.limit {
            true => Some(hangs::SPINS_TO_ITS_LIMIT.to_owned()),
            false => hangs::overdue(case, self.limit),
        }
    }

    /// Waits until the dial is under way and the thread at rest. Returns the end that dials.
    pub(super) fn is_under_way(&self) -> Verdict<End> {
        let look = |table: &Table| {
            let mut rows = table.rows.iter();
            let row = rows.find(|row| row.state == State::SynSent && row.peer == self.addr);
            let end = row.map(|row| Some(row.end()));
            end.or_else(|| self.answer.has_ended().then_some(None))
        };
        let seen = self.exam.table_shows(look)?;
        self.goes_on()?;
        match seen {
            Some(Some(end)) => self.rests().map(|()| end),
            _ => self.exam.fail(
                format!("a SYN to {} to be sent", self.addr),
                "no socket with this address is in SYN_SENT",
            ),
        }
    }

    /// The call must not have ended: no answer, no cancel, and the limit has not passed.
    pub(super) fn goes_on(&self) -> Verdict {
        if !self.answer.has_ended() {
            return Ok(());
        }
        let returned = self.answer.returns("or to wait")?;
        let took = self.answer.took().time;
        let expected = format!(
            "`connect` to wait: {} is silent, and the limit is {}",
            self.addr,
            readable(self.limit)
        );
        match returned {
            Ok(_stream) => self
                .exam
                .fail(expected, "it has returned Ok")
                .because(cause::not_connected),
            Err(error) => self
                .exam
                .fail(expected, self.seen(&error))
                .because(|_| cause::too_early(&error, took, self.limit)),
        }
    }

    /// The thread must be blocked in a system call at some moment.
    pub(super) fn rests(&self) -> Verdict {
        self.exam
            .must(
                self.exam.comes_to_rest()?,
                "your thread to wait, while nothing arrives",
                "it runs: at no moment was it blocked in a system call",
            )
            .because(|case| hangs::spins(case, self.cancel_is_a_socket))?;
        self.goes_on()
    }

    fn seen(&self, error: &io::Error) -> String {
        format!(
            "it has returned an error after {:.0?}: {error} ({:?})",
            self.answer.took().time,
            error.kind()
        )
    }
}

/// An address that is silent, and a call that dials it and is under way.
pub(super) fn under_way<'e>(
    exam: &'e Exam,
    connect: Connect,
    limit: Duration,
    cancel: &Cancel,
) -> Verdict<(Address, Call<'e>, End)> {
    let silent = Address::that_is_silent(exam)?;
    let call = Call::begin(exam, connect, silent.addr, limit, cancel)?;
    let end = call.is_under_way()?;
    Ok((silent, call, end))
}

/// The longest ones in words.
pub(super) fn readable(limit: Duration) -> String {
    match limit {
        Duration::MAX => "Duration::MAX".to_owned(),
        AMPLE => "an hour".to_owned(),
        limit => format!("{limit:?}"),
    }
}
