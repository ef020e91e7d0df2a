//! The answer at work, and its clients.

use std::{
    io,
    net::{SocketAddr, TcpStream},
};

use socket_workshop::{
    listen::Listen,
    stop::Stop,
    table::{End, Row, State, Table, TimerKind},
};
use socket2::{Domain, SockRef, Socket, Type};

use super::{Serve, cause};

use crate::exam::{Because, Case, CheckError, Exam, Peer, Running, Stuck, Verdict, or_skip};

/// A buffer that is soon full, in bytes. Not smaller: then the kernel is at times slow to say that
/// there is room.
const SMALL: usize = 16 << 10;

/// A buffer with room for `PLENTY` bytes, and for what the kernel counts besides.
const LARGE: usize = 200 << 10;

/// More than a client with a small buffer receives without reading, in bytes.
pub(super) const PLENTY: usize = 64 << 10;

/// More than the kernel's small buffers hold, in bytes, and less than most servers hold besides.
const LITTLE: usize = 144 << 10;

/// So little is sent at once where the server is to read all of it, in bytes.
const BIT: usize = 4 << 10;

/// So much is read at once.
const PIECE: usize = 16 << 10;

/// What may be taken of a client that does not read, in bytes: 1 MiB in the server, and what the
/// kernel's small buffers hold, several times over.
pub(super) const ENOUGH: usize = (1 << 20) + (512 << 10);

/// The same for a client whose send buffer is as large as the kernel makes it: some MiB.
pub(super) const EAGER: usize = 8 << 20;

/// The lines that a client sends which does not read.
#[derive(Clone, Copy)]
pub(super) struct Lines {
    /// Of each of them, in bytes, newline included.
    pub(super) length: usize,
    /// With more bytes than this it is seen that the server takes too much.
    pub(super) enough: usize,
}

/// The length of a line, newline included.
pub(super) const SHORT: usize = 8;

/// A line whose answer the kernel's small buffers have no room for: of such a write, or of the next
/// one, the kernel takes a part.
pub(super) const LONG: usize = 48 << 10;

/// How often the kernel may be slow to move the bytes.
const TRIES: usize = 5;

/// `serve` under way.
pub(super) struct Serving<'e> {
    pub(super) exam: &'e Exam,
    pub(super) addr: SocketAddr,
    pub(super) stop: Stop,
    pub(super) answer: Running<'e, io::Result<()>>,
}

impl<'e> Serving<'e> {
    pub(super) fn begin(exam: &'e Exam, serve: Serve) -> Verdict<Serving<'e>> {
        Serving::with(exam, serve, Listen::default(), None, |_| Ok(()))
    }

    /// When something has happened at the listener's address.
    pub(super) fn begin_when(
        exam: &'e Exam,
        serve: Serve,
        before: impl FnOnce(SocketAddr) -> Verdict,
    ) -> Verdict<Serving<'e>> {
        Serving::with(exam, serve, Listen::default(), None, before)
    }

    /// With buffers that have room for `PLENTY` bytes to be sent.
    pub(super) fn begin_with_large_send_buffers(
        exam: &'e Exam,
        serve: Serve,
    ) -> Verdict<Serving<'e>> {
        Serving::with(exam, serve, Listen::default(), Some(LARGE), |_| Ok(()))
    }

    /// With buffers that a write or two fill.
    pub(super) fn begin_with_small_buffers(exam: &'e Exam, serve: Serve) -> Verdict<Serving<'e>> {
        let recv_buffer = Some(SMALL);
        let listen = Listen {
            recv_buffer,
            ..Listen::default()
        };
        Serving::with(exam, serve, listen, Some(SMALL), |_| Ok(()))
    }

    fn with(
        exam: &'e Exam,
        serve: Serve,
        listen: Listen,
        send_buffer: Option<usize>,
        before: impl FnOnce(SocketAddr) -> Verdict,
    ) -> Verdict<Serving<'e>> {
        let listener = listen.on(SocketAddr::from(([127, 0, 0, 1], 0)));
        let listener = or_skip("listen on 127.0.0.1", listener)?;
        if let Some(bytes) = send_buffer {
            // What it accepts inherits it.
            let set = SockRef::from(&listener).set_send_buffer_size(bytes);
            or_skip("set SO_SNDBUF", set)?;
        }
        exam.watches(&listener);
        let addr = or_skip("read its address", listener.local_addr())?;
        let stop = or_skip("make a stop signal", Stop::new())?;
        before(addr)?;
        exam.step(format!("called `serve` with a listener on {addr}"));
        let its = stop.clone();
        let answer = exam.start("serve", move || serve(listener, its))?;
        Ok(Serving {
            exam,
            addr,
            stop,
            answer,
        })
    }

    /// Connects a client.
    pub(super) fn client(&self, name: &str) -> Verdict<Peer<'e>> {
        let client = self.exam.dial(self.addr);
        Ok(client
            .because(|case| cause::has_ended(self, case))?
            .named(name))
    }

    /// Connects a client, without a step.
    pub(super) fn quiet_client(&self) -> Verdict<TcpStream> {
        match self.exam.connects(self.addr)? {
            Some(Ok(client)) => Ok(client),
            Some(Err(error)) => self.exam.fail("a connection", error.to_string()),
            None => self
                .exam
                .fail("a connection", "the SYN is not answered")
                .because(|case| cause::not_accepted(self, case)),
        }
    }

    pub(super) fn named(&self, client: TcpStream, name: &str) -> Peer<'e> {
        Peer::new(self.exam, client).named(name)
    }

    /// Connects a client with small buffers.
    pub(super) fn narrow_client(&self, name: &str) -> Verdict<Peer<'e>> {
        self.client_with(name, Some(SMALL), "small buffers")
    }

    /// Connects a client with a small receive buffer, and a send buffer as large as the kernel makes
    /// it: some MiB.
    pub(super) fn eager_client(&self, name: &str) -> Verdict<Peer<'e>> {
        self.client_with(name, None, "a small receive buffer and a large send buffer")
    }

    /// The receive buffer is set before connect, which announces the window.
    fn client_with(
        &self,
        name: &str,
        send_buffer: Option<usize>,
        buffers: &str,
    ) -> Verdict<Peer<'e>> {
        let connected = || {
            let client = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            client.set_recv_buffer_size(SMALL)?;
            if let Some(bytes) = send_buffer {
                client.set_send_buffer_size(bytes)?;
            }
            client.connect(&self.addr.into())?;
            Ok(TcpStream::from(client))
        };
        let client = Peer::new(self.exam, or_skip("connect", connected())?).named(name);
        let step = format!("{name}: connected {}, with {buffers}", client.addr()?);
        self.exam.step(step);
        Ok(client)
    }

    /// A client sends lines, and must receive the answers.
    pub(super) fn answers(&self, client: &Peer<'_>, lines: &[u8]) -> Verdict {
        let sent = client.send(lines);
        sent.because(|case| cause::has_ended(self, case))?;
        self.receives(client, &answer_to(lines))
    }

    /// A client must receive this.
    pub(super) fn receives(&self, client: &Peer<'_>, answers: &[u8]) -> Verdict {
        self.receives_or(client, answers, |_| None)
    }

    /// The same, for a check that knows a cause of its own.
    pub(super) fn receives_or(
        &self,
        client: &Peer<'_>,
        answers: &[u8],
        cause: impl Fn(&Case) -> Option<String>,
    ) -> Verdict {
        let end = self.end_of(client)?;
        for piece in answers.chunks(PIECE) {
            let received = client.receives(piece).because(&cause);
            received.because(|case| cause::not_answered(self, case, end))?;
        }
        Ok(())
    }

    /// A client that has half-closed must read end of file.
    pub(super) fn ends(&self, client: &Peer<'_>) -> Verdict {
        let end = self.end_of(client)?;
        let ended = client.ends();
        ended.because(|case| cause::not_closed(self, case, end))
    }

    /// The server's end of a client's connection.
    pub(super) fn end_of(&self, client: &Peer<'_>) -> Verdict<End> {
        Ok(End::between(self.addr, client.addr()?))
    }

    /// The server must close a connection, in order or with a reset.
    pub(super) fn closes(&self, client: &Peer<'_>, why: &str, cause: &str) -> Verdict {
        let end = self.end_of(client)?;
        let open = [State::Established, State::CloseWait];
        let closed = self.exam.table_shows(|table| {
            let is_open = table.find(end).is_some_and(|row| open.contains(&row.state));
            (!is_open).then_some(())
        })?;
        let expected = format!("the connection to be closed after {why}");
        let verdict = self
            .exam
            .must(closed.is_some(), expected, "it is still open");
        verdict.caused_by(cause)
    }

    /// While nothing can be done it must wait in the kernel, and not wake up.
    pub(super) fn rests(&self, when: &str) -> Verdict {
        let rests = self.exam.waits_without_a_timeout()?;
        let spins = self.exam.is_stuck_in(|it| matches!(it, Stuck::Spin(..)));
        let seen = match spins {
            true => "it runs, and never waits",
            false => "it waits with a timeout, and wakes up although nothing has arrived",
        };
        let expected = format!("`serve` to wait in the kernel without a timeout {when}");
        let verdict = self.exam.must(rests, expected, seen);
        verdict.because(|case| cause::does_not_rest(self, case, spins))
    }

    /// A client sends lines and does not read, as many as go, or enough to see that it is too much.
    /// Returns what went, of which the last line may be incomplete.
    pub(super) fn fills(&self, client: &Peer<'_>) -> Verdict<Vec<u8>> {
        self.fills_with(client, SHORT)
    }

    /// The same, with lines of this length, newline included.
    pub(super) fn fills_with(&self, client: &Peer<'_>, length: usize) -> Verdict<Vec<u8>> {
        let mut taken = Vec::new();
        let enough = ENOUGH;
        self.fills_more(client, Lines { length, enough }, &mut taken)?;
        Ok(taken)
    }

    /// The same for a client that has sent these lines before, and has read some answers since.
    pub(super) fn fills_more(
        &self,
        client: &Peer<'_>,
        lines: Lines,
        taken: &mut Vec<u8>,
    ) -> Verdict {
        let end = self.end_of(client)?;
        let mut is_held_up = false;
        for _ in 0..TRIES {
            if taken.len() > lines.enough || is_held_up {
                break;
            }
            self.sends_what_goes(client, lines, taken)?;
            is_held_up = self.exam.is_stuck_in(|stuck| {
                let mut rows = stuck.look().sockets.iter();
                let yours = rows.find(|row| end.is(row));
                stuck.is_proven() || yours.is_some_and(|row| row.recv_q > 0)
            });
        }
        if taken.len() <= lines.enough && !is_held_up {
            return Err(CheckError::skipped(
                "bytes are still under way to your server",
            ));
        }
        let sent = taken.len();
        self.exam.step(format!(
            "a client has sent {sent} bytes of lines, and does not read"
        ));
        Ok(())
    }

    fn sends_what_goes(&self, client: &Peer<'_>, lines: Lines, taken: &mut Vec<u8>) -> Verdict {
        let all_goes = self.exam.comes_true(|| {
            while taken.len() <= lines.enough {
                let more = lines_from(taken.len(), lines.length);
                match client.fill(&more)? {
                    0 => break,
                    n => taken.extend(&more[..n]),
                }
            }
            Ok(taken.len() > lines.enough)
        });
        all_goes
            .because(|case| cause::has_ended(self, case))
            .map(drop)
    }

    /// A client sends lines of `LITTLE` bytes, or as many as there is room for, does not read, and
    /// half-closes. The kernel's small buffers have no room for all answers.
    pub(super) fn sends_a_little(&self, client: &Peer<'_>) -> Verdict {
        let lines: Vec<u8> = (0..LITTLE)
            .step_by(PIECE)
            .flat_map(|at| lines_from(at, SHORT).into_iter().take(PIECE))
            .collect();
        let mut sent = 0;
        self.exam.comes_true(|| {
            sent += client.fill(&lines[sent..])?;
            Ok(sent == lines.len())
        })?;
        self.exam.step(format!(
            "a client has sent {sent} bytes of lines, and does not read"
        ));
        client.half_close()?;
        self.exam.stays_at_rest().map(drop)
    }

    /// A client sends lines until the server holds answers for which the kernel has no room, and
    /// then half-closes. It sends little at a time, so the server has read everything, and its end
    /// of file is all that comes.
    pub(super) fn ends_while_answers_wait(&self, client: &Peer<'_>) -> Verdict {
        let mut sent = 0;
        while sent < LITTLE {
            let lines = &lines_from(sent, SHORT)[..BIT];
            sent += client.fill(lines)?;
            self.exam.stays_at_rest()?;
            if self.in_queues(client)? < sent {
                break;
            }
        }
        self.exam.step(format!(
            "a client has sent {sent} bytes of lines, little at a time, and does not read"
        ));
        client.half_close()
    }

    /// A client sends lines of `PLENTY` bytes, does not read, and half-closes. The server's send
    /// buffer has room for all answers. Returns the lines.
    pub(super) fn sends_plenty(&self, client: &Peer<'_>) -> Verdict<Vec<u8>> {
        let mut lines = Vec::new();
        while lines.len() < PLENTY {
            lines.extend(lines_from(lines.len(), SHORT));
        }
        let mut sent = 0;
        let all = self.exam.comes_true(|| {
            while sent < lines.len() {
                match client.fill(&lines[sent..])? {
                    0 => return Ok(false),
                    n => sent += n,
                }
            }
            Ok(true)
        });
        if !all.because(|case| cause::has_ended(self, case))? {
            return Err(CheckError::skipped("the kernel's buffers are small"));
        }
        self.exam.step(format!(
            "a client has sent {sent} bytes of lines, and does not read"
        ));
        client.half_close()?;
        self.exam.stays_at_rest()?;
        Ok(lines)
    }

    /// A client that has sent these lines, and then half-closed, reads as many answers as it takes
    /// until all that it has sent has arrived, its FIN included. `false` if no more answers are
    /// left.
    pub(super) fn lets_the_end_arrive(&self, client: &Peer<'_>, sent: &[u8]) -> Verdict<bool> {
        let end = self.end_of(client)?;
        // What is on its way arrives, unless the server's window is closed: a probe timer runs.
        let rests = |table: &Table| {
            let state = table.find(end)?.state;
            let probes = |row: &Row| {
                row.timer
                    .is_some_and(|its| its.kind == TimerKind::WindowProbe)
            };
            let is_held_up = table.find(end.other()).is_some_and(probes);
            (state == State::CloseWait || is_held_up).then_some(state)
        };
        for piece in answer_to(sent).chunks(1 << 10) {
            if self.exam.table_shows(rests)? == Some(State::CloseWait) {
                break;
            }
            self.receives(client, piece)?;
            self.exam.comes_to_rest()?;
        }
        let table = self.exam.table()?;
        let writes = |row: &Row| row.state == State::CloseWait && row.send_q > 0;
        Ok(table.find(end).is_some_and(writes))
    }

    /// How many of the bytes that this client has sent, or of their answers, the kernel's queues
    /// hold: an answer is as long as its line.
    pub(super) fn in_queues(&self, client: &Peer<'_>) -> Verdict<usize> {
        let end = self.end_of(client)?;
        let table = self.exam.table()?;
        let rows = [end, end.other()].map(|end| table.find(end));
        let queues = rows.into_iter().flatten();
        Ok(queues.map(|row| (row.recv_q + row.send_q) as usize).sum())
    }

    /// After something that concerns another client, this one must be served.
    pub(super) fn goes_on_for(&self, client: &Peer<'_>, why: &str) -> Verdict {
        let goes_on = self.answer.goes_on(why);
        goes_on.because(|case| cause::ends_at_a_reset(self, case))?;
        self.answers(client, b"still here\n")
    }

    /// The stop: `serve` must return Ok.
    pub(super) fn stops(&self, when: &str) -> Verdict {
        self.exam.stays_at_rest()?;
        self.exam.step("made `stop` readable");
        self.stop.request();
        let returned = self.answer.succeeds(&format!("at the stop, {when}"));
        returned.because(cause::does_not_stop)
    }

    /// Whether the answer has ended by now.
    pub(super) fn is_over(&self) -> bool {
        self.answer.has_ended()
    }
}

/// Lines of this length from this byte on, newline included. Each is the number of its first byte.
pub(super) fn lines_from(at: usize, length: usize) -> Vec<u8> {
    let first = at / length * length;
    let lines = (first..at + length.max(PIECE)).step_by(length);
    let digits = length - 1;
    let bytes = lines.flat_map(|at| format!("{at:0digits$}\n").into_bytes());
    bytes.skip(at - first).collect()
}

/// What these lines must be answered with. Bytes without a newline get no answer.
pub(super) fn answer_to(lines: &[u8]) -> Vec<u8> {
    let whole = lines.split_inclusive(|byte| *byte == b'\n');
    let whole = whole.filter_map(|line| line.strip_suffix(b"\n"));
    let answers = whole.flat_map(|line| line.iter().rev().chain(b"\n"));
    answers.copied().collect()
}
