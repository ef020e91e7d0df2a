//! The answer at work: its listener, its `serve`, and, where a client has not been greeted, why.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener},
    ops::Range,
    sync::Arc,
};

use nix::errno::Errno;
use socket_workshop::table::{End, State};
use socket2::SockRef;

use super::{Listen, Serve};

use crate::exam::{
    Answer, Because, Call, Case, Doing, Exam, Peer, Seen, Stuck, Verdict, Whose, here,
};

/// What every client is to read.
pub(super) const GREETING: &[u8] = b"welcome to the workshop\n";

/// The size of the buffers at both ends where the greeting is long. The kernel doubles it; so while the
/// client does not read, four times this can be written. Buffers that are smaller than a segment of
/// loopback (64 KiB) would make both ends wait for timers.
pub(super) const BUFFER: usize = 64 << 10;

/// A free port of IPv4's loopback.
pub(super) const LOOPBACK: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));

/// What the student's `listen` returns. Its success is not worth telling in every failure of `serve`.
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
                "An `unwrap` or `expect` makes a panic of an error. Return it: that an address is in use \
                 is an ordinary event."
            }
            false => {
                "None of socket, bind and listen makes anybody wait. What to do about an error is the \
                 caller's to decide: return it, instead of trying again."
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
            let local = here("read its address", listener.local_addr())?;
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
                        "The socket was made for one address family, and the address is of the other \
                         (EAFNOSUPPORT): `Domain::for_address(addr)` makes it for the address."
                    }
                    _ => "The port is free, and the address is loopback's: something else was asked for.",
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
    pub(super) answer: Answer<'e, io::Result<()>>,
    pub(super) greeting: Arc<[u8]>,
}

impl<'e> Server<'e> {
    /// A server on a free port.
    pub(super) fn start(exam: &'e Exam, (listen, serve): super::Answer) -> Verdict<Server<'e>> {
        let listener = listening(exam, listen, LOOPBACK, 128)?;
        Server::on(exam, listener, serve, GREETING)
    }

    /// A server whose greeting cannot all be written while its client does not read.
    pub(super) fn with_a_long_greeting(
        exam: &'e Exam,
        (listen, serve): super::Answer,
    ) -> Verdict<Server<'e>> {
        let listener = listening(exam, listen, LOOPBACK, 128)?;
        // Accepted sockets inherit it, and a buffer whose size was set does not grow by itself.
        let is_set = SockRef::from(&listener).set_send_buffer_size(BUFFER);
        here("set the size of a buffer", is_set)?;
        let greeting = GREETING.repeat(5 * BUFFER / GREETING.len());
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
        let addr = here("read its address", listener.local_addr())?;
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
        if !case.arrived.is_empty() {
            let cause = if case.wanted.starts_with(&case.arrived) {
                "Only a part of the greeting has come. `write` returns how much the kernel took; where \
                 the socket is non-blocking that is what its send buffer has room for, and `write_all` \
                 fails then, with WouldBlock. Write the rest when there is room again."
            } else {
                "What came is not the greeting: `write_all(greeting)` sends it as it is."
            };
            return Some(cause.to_owned());
        }
        let end = self.end_for(client);
        let mut sockets = case.evidence.sockets.iter();
        match sockets.find(|seen| seen.row.end() == end) {
            Some(Seen { whose: Whose::Yours(fd), .. }) => why_not_written(case, *fd),
            Some(seen) if seen.row.state == State::Established => Some(why_not_accepted(case)),
            _ if case.panicked => Some(
                "The connection is closed, and a thread has panicked before it had sent the greeting."
                    .to_owned(),
            ),
            _ => Some("Your end has closed the connection, and sent nothing before.".to_owned()),
        }
    }

    fn why_ended(&self, case: &Case) -> String {
        let ended = self.answer.returns("");
        let error = ended.ok().and_then(Result::err);
        let code = error.and_then(|error| error.raw_os_error());
        let why = match code.map(Errno::from_raw) {
            Some(Errno::EMFILE | Errno::ENFILE) => {
                "EMFILE says that the process has no descriptor left. That passes, when a connection \
                 is closed; whoever has connected waits in the queue. Wait a little, and accept again."
            }
            Some(Errno::ENOTCONN) => {
                "ENOTCONN says that a connection is none any more: the client had reset it before your \
                 code asked for its address. accept returns that address; and the error is the end of \
                 one connection, not of the server."
            }
            Some(Errno::EPIPE | Errno::ECONNRESET) => {
                "Its error is that of a write or a read on one connection, which the client had reset. \
                 That is the end of this connection, not of the server."
            }
            _ if case.panicked => "It panicked: an `unwrap` or `expect` makes a panic of an error.",
            _ => "It ends only when the listener itself fails.",
        };
        format!("`serve` has ended, so nobody accepts the clients that come after. {why}")
    }
}

/// The kernel has completed the connection, and it is in the accept queue.
fn why_not_accepted(case: &Case) -> String {
    let waits_in = |call| case.is_blocked_in(&[call]);
    let why = if waits_in(Call::Write) && !waits_in(Call::Accept) {
        "Your server waits in a write for a client that does not read (its receive buffer is full, and \
         so is your send buffer), and calls no accept meanwhile. Whatever waits for one client needs a \
         thread of its own."
    } else if waits_in(Call::Lock) && waits_in(Call::Read) && !waits_in(Call::Accept) {
        "One of your threads waits for others, and these wait for clients that hold on: nobody calls \
         accept. Either it has left its loop after an error that is not the listener's, such as EMFILE \
         or a reset, and `thread::scope` waits for the clients there are; or it waits for a client, or \
         for a thread that is free, before it accepts the next."
    } else if waits_in(Call::Read) && !waits_in(Call::Accept) {
        "Your server waits in a read for a client that it has, and calls no accept meanwhile. Whatever \
         waits for one client needs a thread of its own, however many clients there are."
    } else if matches!(case.stuck, Some(Stuck::Spin(..))) {
        "Your thread is running, and does not get it from accept."
    } else if waits_in(Call::Sleep) {
        "Your thread sleeps. Nothing but accept is to be waited for here."
    } else {
        "None of your threads calls accept."
    };
    format!(
        "The kernel has completed the connection (ESTABLISHED), and nobody has accepted it: LISTEN's \
         Recv-Q counts it. {why}"
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
            "The connection has been accepted, and your thread waits in a read on it (fd {fd}), before \
             the client has got anything. Either the client is expected to speak first, or the greeting \
             is still in a BufWriter: flush before you wait."
        ));
    }
    if case.is_blocked_in(&[Call::Write]) {
        return Some(format!(
            "The connection has been accepted (fd {fd}), but no thread is at work on it. One waits in a \
             write for a client that does not read, and this connection waits for that thread: for a lock \
             that it holds, or because the number of threads is fixed."
        ));
    }
    (others > 0).then(|| {
        format!(
            "The connection has been accepted (fd {fd}), but no thread is at work on it: {others} of them \
             wait in a read for a client that holds on. A fixed number of threads is a fixed number of \
             clients: each connection needs one of its own."
        )
    })
}
