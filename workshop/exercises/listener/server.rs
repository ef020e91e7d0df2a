//! The answer at work: its listener, its `serve`, and, where a client has not been greeted, why.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    ops::Range,
    sync::Arc,
};

use nix::errno::Errno;
use socket_workshop::table::{End, State};
use socket2::SockRef;

use super::{Listen, Serve};

use crate::checks::returned::LOOPBACK;
use crate::exam::{
    Because, Call, Case, Doing, Exam, Owner, Peer, Running, Seen, Stuck, Verdict,
    diagnosis::SENDS_BYTES_AGAIN, numbered, or_skip,
};

/// What every client is to read.
pub(super) const GREETING: &[u8] = b"welcome to the workshop\n";

/// The size of the buffers at both ends where the greeting is long. The kernel doubles it; so while
/// the client does not read, four times this can be written. Buffers that are smaller than a
/// segment of loopback (64 KiB) would make both ends wait for timers.
pub(super) const BUFFER: usize = 64 << 10;

/// What the student's `listen` returns. Its success is not worth telling in every failure of
/// `serve`.
pub(super) fn listen_once(
    exam: &Exam,
    listen: Listen,
    addr: SocketAddr,
    backlog: i32,
) -> Verdict<io::Result<TcpListener>> {
    let answer = exam.start_untold("listen", move || listen(addr, backlog))?;
    answer.returns(&format!("for {addr}")).because(|case| {
        let cause = match case.panicked {
            true => {
                "An `unwrap` or `expect` turns an error into a panic. Return it: an address in use \
                 is an ordinary event."
            }
            false => {
                "None of socket, bind and listen waits. Your code tries again after an error: \
                 return it instead, and let the caller decide."
            }
        };
        Some(cause.to_owned())
    })
}

/// A listener from the student's `listen`.
pub(super) fn listening(
    exam: &Exam,
    listen: Listen,
    addr: SocketAddr,
    backlog: i32,
) -> Verdict<TcpListener> {
    match listen_once(exam, listen, addr, backlog)? {
        Ok(listener) => {
            exam.watches(&listener);
            let local = or_skip("read its address", listener.local_addr())?;
            exam.step(format!(
                "called your `listen` for {addr} and a backlog of {backlog}: it is {local}"
            ));
            Ok(listener)
        }
        Err(error) => {
            let expected = format!("`listen` to return a listener on {addr}");
            let seen = format!("{error} ({:?})", error.kind());
            exam.fail(expected, seen)
                .caused_by(match error.raw_os_error().map(Errno::from_raw) {
                    Some(Errno::EAFNOSUPPORT) => {
                        "The socket was made for one address family, and the address is of the \
                         other (EAFNOSUPPORT). Make the socket with `Domain::for_address(addr)`."
                    }
                    _ => {
                        "The exam has just bound this address itself, and closed the socket: your \
                         code asks for another address."
                    }
                })
        }
    }
}

/// The student's server.
pub(super) struct Server<'e> {
    pub(super) exam: &'e Exam,
    /// One descriptor, shared: a duplicate would be a second descriptor in the evidence.
    pub(super) listener: Arc<TcpListener>,
    pub(super) addr: SocketAddr,
    pub(super) answer: Running<'e, io::Result<()>>,
    pub(super) greeting: Arc<[u8]>,
}

impl<'e> Server<'e> {
    /// A server on a free port.
    pub(super) fn start(exam: &'e Exam, (listen, serve): super::Functions) -> Verdict<Server<'e>> {
        let listener = listening(exam, listen, LOOPBACK, 128)?;
        Server::on(exam, listener, serve, GREETING)
    }

    /// A server whose greeting cannot all be written while its client does not read.
    pub(super) fn with_a_long_greeting(
        exam: &'e Exam,
        (listen, serve): super::Functions,
    ) -> Verdict<Server<'e>> {
        let listener = listening(exam, listen, LOOPBACK, 128)?;
        // Accepted sockets inherit it, and the kernel does not let a buffer grow whose size was
        // set.
        let is_set = SockRef::from(&listener).set_send_buffer_size(BUFFER);
        or_skip("set the size of a buffer", is_set)?;
        let greeting = numbered(5 * BUFFER);
        exam.step(format!(
            "started your `serve`, whose greeting of {} bytes is more than the buffers hold",
            greeting.len()
        ));
        Server::on(exam, listener, serve, &greeting)
    }

    /// A server on this listener.
    pub(super) fn on(
        exam: &'e Exam,
        listener: TcpListener,
        serve: Serve,
        greeting: &[u8],
    ) -> Verdict<Server<'e>> {
        let addr = or_skip("read its address", listener.local_addr())?;
        let listener = Arc::new(listener);
        let greeting: Arc<[u8]> = greeting.into();
        let its_own = (Arc::clone(&listener), Arc::clone(&greeting));
        let answer = exam.start("serve", move || serve(&its_own.0, &its_own.1))?;
        Ok(Server {
            exam,
            listener,
            addr,
            answer,
            greeting,
        })
    }

    /// The server's end of the connection with this client.
    pub(super) fn end_for(&self, client: SocketAddr) -> End {
        End::between(self.addr, client)
    }

    /// The client reads the greeting.
    pub(super) fn greets(&self, client: &Peer<'_>) -> Verdict {
        self.sends(client, 0..self.greeting.len())
    }

    /// The client reads this part of the greeting.
    pub(super) fn sends(&self, client: &Peer<'_>, part: Range<usize>) -> Verdict {
        let addr = client.addr()?;
        let greeted = client.receives(&self.greeting[part]);
        greeted.because(|case| self.why_not_greeted(case, addr))
    }

    /// Why this client has not been greeted, by what the kernel shows.
    pub(super) fn why_not_greeted(&self, case: &Case, client: SocketAddr) -> Option<String> {
        if self.answer.has_ended() {
            return Some(self.why_ended(case));
        }
        let end = self.end_for(client);
        let mut sockets = case.evidence.sockets.iter();
        let row = sockets.find(|seen| seen.row.end() == end);
        if !case.arrived.is_empty() {
            return self.why_not_all(case, row);
        }
        match row {
            Some(Seen {
                owner: Owner::Yours(fd),
                ..
            }) => why_not_written(case, *fd),
            Some(seen) if seen.row.state == State::Established => Some(why_not_accepted(case)),
            _ if case.panicked => Some(
                "A thread of your code has panicked before it had sent the greeting, and its \
                 connection is closed. Return errors instead: they end one connection."
                    .to_owned(),
            ),
            _ => Some(
                "Your end has closed the connection before it sent the greeting. Send it first, \
                 and then read until end of file."
                    .to_owned(),
            ),
        }
    }

    /// A part of the greeting has come, or something else.
    fn why_not_all(&self, case: &Case, row: Option<&Seen>) -> Option<String> {
        if case.panicked {
            return None;
        }
        if let Some(again) = SENDS_BYTES_AGAIN.of(case) {
            return Some(again);
        }
        let cause = if !case.wanted.starts_with(&case.arrived) {
            "The bytes that came are not the greeting. Send it unchanged, with \
             `write_all(greeting)`."
        } else if row.is_none_or(|seen| !matches!(seen.owner, Owner::Yours(_))) {
            "Only a part of the greeting has come, and your end has closed the connection. Send \
             all of it before you close: `write` returns how much the kernel took, and `write_all` \
             sends the rest too."
        } else {
            "Only a part of the greeting has come, and no thread of your code sends the rest. \
             `write` returns how much the kernel took, which on a non-blocking socket is what the \
             send buffer has room for. Write the rest too: `write_all` does on a blocking socket."
        };
        Some(cause.to_owned())
    }

    fn why_ended(&self, case: &Case) -> String {
        let ended = self.answer.returns("");
        let error = ended.ok().and_then(Result::err);
        let code = error.and_then(|error| error.raw_os_error());
        let why = match code.map(Errno::from_raw) {
            Some(Errno::EMFILE | Errno::ENFILE) => {
                "EMFILE (`raw_os_error()` is 24) means that the process has no descriptor left. \
                 That passes when a connection is closed, and new clients wait in the queue until \
                 then. Wait a little, and accept again."
            }
            Some(Errno::ENOTCONN) => {
                "ENOTCONN means that the connection no longer exists: the client had reset it \
                 before your code asked for its address. `accept` returns that address. The error \
                 ends one connection, not the server."
            }
            Some(Errno::EPIPE | Errno::ECONNRESET) => {
                "It returned the error of a write or a read on one connection, which the client \
                 had reset. That error ends this connection, not the server."
            }
            _ if case.panicked => "An `unwrap` or `expect` has turned an error into a panic.",
            _ => "It may return only when the listener fails.",
        };
        format!("`serve` has ended, so no thread accepts the clients that come later. {why}")
    }
}

/// The kernel has completed the connection, and it is in the accept queue.
fn why_not_accepted(case: &Case) -> String {
    let waits_in = |call| case.is_blocked_in(&[call]);
    let why = if waits_in(Call::Write) && !waits_in(Call::Accept) {
        "Your server waits in a write for a client that does not read (its receive buffer and your \
         send buffer are full), and does not call accept meanwhile. Write to each client in a \
         thread of its own."
    } else if waits_in(Call::Lock) && waits_in(Call::Read) && !waits_in(Call::Accept) {
        "No thread calls accept: one thread waits until others end, and these wait for silent \
         clients. Either the loop has ended after an error that is not the listener's, such as \
         EMFILE or a reset, and `thread::scope` waits for the connected clients. Or it waits for a \
         client, or for a free thread, before it accepts the next."
    } else if waits_in(Call::Read) && !waits_in(Call::Accept) {
        "Your server waits in a read for a client that is silent, and does not call accept \
         meanwhile. Read from each client in a thread of its own, however many clients there are."
    } else if matches!(case.stuck, Some(Stuck::Spin(..))) {
        "Your loop runs again and again without accepting it."
    } else if waits_in(Call::Sleep) {
        "Your thread sleeps instead of waiting in accept."
    } else {
        "No thread calls accept."
    };
    format!(
        "The kernel has completed the connection (ESTABLISHED), and no thread has accepted it: it \
         is counted in Recv-Q of the LISTEN row. {why}"
    )
}

/// The connection has been accepted, but nothing has come.
fn why_not_written(case: &Case, fd: i32) -> Option<String> {
    let reads = |doing: &Doing, on: Option<i32>| match doing {
        Doing::Blocked {
            call: Call::Read,
            fd,
        } => on.is_none() || *fd == on,
        _ => false,
    };
    let threads = &case.evidence.threads;
    let others = threads.iter().filter(|doing| reads(doing, None)).count();
    if threads.iter().any(|doing| reads(doing, Some(fd))) {
        return Some(format!(
            "Your thread waits in a read on this connection (fd {fd}), and the client has got \
             nothing yet. Either your code expects the client to speak first, or the greeting is \
             still in a BufWriter: flush before you wait."
        ));
    }
    if case.is_blocked_in(&[Call::Write]) {
        return Some(format!(
            "The connection has been accepted (fd {fd}), but no thread works on it. A thread waits \
             in a write for a client that does not read, and this connection waits for that \
             thread: for a lock that it holds, or because the number of threads is fixed. Write \
             without a lock, in a thread for each connection."
        ));
    }
    (others > 0).then(|| {
        format!(
            "The connection has been accepted (fd {fd}), but no thread works on it: {others} \
             threads each wait in a read for a client that is silent. With a fixed number of \
             threads only that many clients are served. Start a thread for each connection."
        )
    })
}
