//! The relay at work between a client and a server, which are the exam's.

use std::{
    cell::Cell,
    io,
    net::{TcpListener, TcpStream},
    os::fd::AsRawFd,
};

use nix::sys::socket::{MsgFlags, send};
use socket_workshop::table::{End, State, Table};
use socket2::{Domain, SockRef, Socket, Type};

use super::{Relay, cause};

use crate::exam::{Because, CheckError, Exam, Peer, Running, Stuck, Verdict, or_skip};

/// A buffer that is soon full, in bytes.
const SMALL: usize = 16 << 10;

/// A receive buffer, in bytes. Not smaller: then the kernel is at times slow to say that there is
/// room.
const WINDOW: usize = 16 << 10;

/// So much is read at once.
const PIECE: usize = 16 << 10;

/// Less than the kernel's send buffer holds.
const A_LITTLE: usize = 4 << 10;

/// What may be taken while the other side does not read, in bytes: 1 MiB in the relay, and what the
/// kernel's small buffers hold, several times over.
const ENOUGH: usize = (1 << 20) + (512 << 10);

/// What the relay may hold of a direction, in bytes.
const MOST: usize = 1 << 20;

/// A send buffer that has room for several large writes, in bytes.
const LIMITED: usize = 200 << 10;

/// More than the kernel's usual buffers hold on both connections, in bytes.
const PLENTY: usize = 32 << 20;

/// How often the kernel may be slow to move the bytes.
const TRIES: usize = 5;

/// One side of the relay.
pub(super) struct Side<'e> {
    pub peer: Peer<'e>,
    /// `client` or `server`.
    pub name: &'static str,
    /// The relay's end of the connection to it.
    pub end: End,
    /// Whether it has half-closed.
    pub has_ended: Cell<bool>,
}

impl Side<'_> {
    /// Half-closes.
    pub fn half_close(&self) -> Verdict {
        self.has_ended.set(true);
        self.peer.half_close()
    }
}

/// `relay` under way.
pub(super) struct Relaying<'e> {
    exam: &'e Exam,
    pub client: Side<'e>,
    pub server: Side<'e>,
    pub answer: Running<'e, io::Result<(u64, u64)>>,
}

impl<'e> Relaying<'e> {
    /// Begins on two new connections.
    pub fn begin(exam: &'e Exam, relay: Relay) -> Verdict<Relaying<'e>> {
        Relaying::begin_when(exam, relay, |_, _| Ok(()))
    }

    /// Begins with buffers that a write or two fill.
    pub fn begin_with_small_buffers(exam: &'e Exam, relay: Relay) -> Verdict<Relaying<'e>> {
        let (client, server) = (narrow_side(exam, "client")?, narrow_side(exam, "server")?);
        Relaying::start(exam, relay, client, server)
    }

    /// Begins with receive buffers of the usual size, which give a read much at once, and with send
    /// buffers that a relay fills soon.
    pub fn begin_with_limited_send_buffers(exam: &'e Exam, relay: Relay) -> Verdict<Relaying<'e>> {
        let (client, server) = (side(exam, "client")?, side(exam, "server")?);
        for (side, yours) in [&client, &server] {
            for end in [side.peer.stream(), yours] {
                let limited = SockRef::from(end).set_send_buffer_size(LIMITED);
                or_skip("set SO_SNDBUF", limited)?;
            }
        }
        Relaying::start(exam, relay, client, server)
    }

    /// Begins when both sides have done something.
    pub fn begin_when(
        exam: &'e Exam,
        relay: Relay,
        first: impl FnOnce(&Side, &Side) -> Verdict,
    ) -> Verdict<Relaying<'e>> {
        let (client, server) = (side(exam, "client")?, side(exam, "server")?);
        first(&client.0, &server.0)?;
        Relaying::start(exam, relay, client, server)
    }

    fn start(
        exam: &'e Exam,
        relay: Relay,
        (client, to_client): (Side<'e>, TcpStream),
        (server, to_server): (Side<'e>, TcpStream),
    ) -> Verdict<Relaying<'e>> {
        exam.step("called `relay`: the first is the client's connection, the second the server's");
        let answer = exam.start("relay", move || relay(to_client, to_server))?;
        Ok(Relaying {
            exam,
            client,
            server,
            answer,
        })
    }

    /// One side sends, and the other must receive it.
    pub fn passes(&self, bytes: &[u8], from: &Side, to: &Side) -> Verdict {
        from.peer.send(bytes)?;
        self.receives(bytes, from, to)
    }

    /// One side must receive what the other has sent.
    pub fn receives(&self, bytes: &[u8], from: &Side, to: &Side) -> Verdict {
        for piece in bytes.chunks(PIECE) {
            to.peer
                .receives(piece)
                .because(|case| cause::not_passed(case, from, to))?;
        }
        Ok(())
    }

    /// The same, with a reader who takes a little when the relay has done what it can: the last
    /// bytes wait in the kernel when it returns.
    pub fn receives_at_leisure(&self, bytes: &[u8], from: &Side, to: &Side) -> Verdict {
        for piece in bytes.chunks(A_LITTLE) {
            self.receives(piece, from, to)?;
            self.exam.comes_to_rest()?;
        }
        Ok(())
    }

    /// Both sides have half-closed, and one reads a little at a time. The relay must return when it
    /// has passed everything on, even if that side has not read it all.
    pub fn returns_before_all_is_read(&self, bytes: &[u8], from: &Side, to: &Side) -> Verdict {
        let is_passed_on = |table: &Table| {
            let row = table.find(to.end);
            row.is_some_and(|row| row.state == State::LastAck && row.send_q > 1)
        };
        for piece in bytes.chunks(A_LITTLE) {
            self.receives(piece, from, to)?;
            self.exam.comes_to_rest()?;
            if is_passed_on(&self.exam.table()?) {
                let returned = self.answer.has_ended() || self.exam.leaves_no_thread()?;
                let expected = format!(
                    "`relay` to return: it has passed on all bytes and both ends, and the {} has \
                     only to read",
                    to.name
                );
                return self
                    .exam
                    .must(returned, expected, "it has not returned")
                    .caused_by(cause::WAITS_UNTIL_IT_IS_READ);
            }
        }
        self.ends(from, to)?;
        self.answer.succeeds("after both ends of file").map(drop)
    }

    /// One side half-closes, and the other must read end of file.
    pub fn passes_the_end(&self, from: &Side, to: &Side) -> Verdict {
        from.half_close()?;
        self.ends(from, to)
    }

    /// One side must read the end of file of the other.
    pub fn ends(&self, from: &Side, to: &Side) -> Verdict {
        to.peer
            .ends()
            .because(|case| cause::end_not_passed(case, from, to))
    }

    /// One side has half-closed, and the relay has passed that on: it goes on for the other.
    pub fn goes_on_for(&self, other: &Side, ended: &Side) -> Verdict {
        let why = format!("the {} has not ended", other.name);
        let goes_on = self.answer.goes_on(&why);
        goes_on.because(|case| cause::ends_with_one(case, other, ended))
    }

    /// While nothing arrives it must wait in the kernel, and not wake up.
    pub fn rests(&self) -> Verdict {
        let rests = self.exam.waits_without_a_timeout()?;
        let spins = self.exam.is_stuck_in(|it| matches!(it, Stuck::Spin(..)));
        let expected = "`relay` to wait in the kernel without a timeout while nothing arrives";
        if self.answer.has_ended() {
            let ended = self
                .exam
                .fail(expected, "it has ended, and nothing had arrived");
            return ended.because(cause::ends_while_all_are_silent);
        }
        let seen = match spins {
            true => "it runs, and never waits",
            false => "it waits with a timeout, and wakes up although nothing has arrived",
        };
        self.exam
            .must(rests, expected, seen)
            .caused_by(match spins {
                true if self.client.has_ended.get() || self.server.has_ended.get() => {
                    cause::SPINS_AFTER_AN_END
                }
                true => cause::SPINS,
                false => cause::WAKES_UP,
            })
    }

    /// As [`Relaying::fills`]: no more may go than a relay may hold.
    pub fn fills_up_to_the_limit(&self, from: &Side, to: &Side) -> Verdict {
        let taken = self.fills(from, to)?;
        let expected = "at most 1 MiB to be held, besides what the kernel's buffers hold";
        let seen = format!(
            "{} bytes have been taken from the {}",
            taken.len(),
            from.name
        );
        self.exam
            .must(taken.len() <= ENOUGH, expected, seen)
            .caused_by(cause::TAKES_TOO_MUCH)
    }

    /// As [`Relaying::fills_up_to_the_limit`] with receive buffers of the usual size, of which a
    /// read gets much more at once. What is in none of the kernel's queues is in the relay.
    pub fn holds_at_most_a_mebibyte(&self, from: &Side, to: &Side) -> Verdict {
        let (mut sent, piece) = (0, [b'x'; 64 << 10]);
        self.exam.comes_true(|| {
            while sent <= PLENTY {
                match from.peer.fill(&piece)? {
                    0 => break,
                    n => sent += n,
                }
            }
            Ok(sent > PLENTY)
        })?;
        let (name, other) = (from.name, to.name);
        self.exam.step(format!(
            "the {name} has sent {sent} bytes; the {other} does not read"
        ));
        // While bytes move, one look may miss some of them: it counts only if all of them do.
        let mut held = 0;
        let fits = self.exam.comes_true(|| {
            held = sent.saturating_sub(self.queued(from, to)?);
            Ok(held <= MOST)
        })?;
        let expected = "at most 1 MiB to be held, besides what the kernel's buffers hold";
        let seen = format!(
            "of {sent} bytes that the {name} has sent {held} are in none of the kernel's queues"
        );
        self.exam
            .must(fits, expected, seen)
            .caused_by(cause::TAKES_TOO_MUCH)
    }

    /// How many bytes of this direction the kernel has, in both connections.
    fn queued(&self, from: &Side, to: &Side) -> Verdict<usize> {
        let table = self.exam.table()?;
        let row = |end: End| table.find(end);
        let sent = |end: End| row(end).map_or(0, |row| row.send_q as usize);
        let come = |end: End| row(end).map_or(0, |row| row.recv_q as usize);
        let near = sent(from.end.other()) + come(from.end);
        let far = sent(to.end) + come(to.end.other());
        Ok(near + far)
    }

    /// One side sends as much as goes, or enough to see that it is too much, and the other does not
    /// read. Returns what went.
    pub fn fills(&self, from: &Side, to: &Side) -> Verdict<Vec<u8>> {
        let mut taken = Vec::new();
        let mut is_held_up = false;
        for _ in 0..TRIES {
            if taken.len() > ENOUGH || is_held_up {
                break;
            }
            self.sends_what_goes(from, &mut taken)?;
            is_held_up = self.is_held_up(from);
        }
        let too_much = taken.len() > ENOUGH;
        if !too_much && !is_held_up {
            return Err(CheckError::skipped(
                "bytes are still under way to your relay",
            ));
        }
        let (name, other) = (from.name, to.name);
        self.exam.step(format!(
            "the {name} has sent {} bytes; the {other} does not read",
            taken.len()
        ));
        Ok(taken)
    }

    /// Sends until nothing moves any more, or too much has been taken.
    fn sends_what_goes(&self, from: &Side, taken: &mut Vec<u8>) -> Verdict {
        self.exam
            .comes_true(|| {
                while taken.len() <= ENOUGH {
                    let more = numbered_from(taken.len());
                    match from.peer.fill(&more)? {
                        0 => break,
                        n => taken.extend(&more[..n]),
                    }
                }
                Ok(taken.len() > ENOUGH)
            })
            .map(drop)
    }

    /// Whether the relay does not read. If the kernel is slow to report room instead, nothing was
    /// unread when nothing moved.
    fn is_held_up(&self, from: &Side) -> bool {
        self.exam.is_stuck_in(|stuck| {
            let mut rows = stuck.look().sockets.iter();
            let yours = rows.find(|row| from.end.is(row));
            stuck.is_proven() || yours.is_some_and(|row| row.recv_q > 0)
        })
    }

    /// One side resets, and the other must be reset too. The other may have half-closed before.
    pub fn resets(self, by_server: bool, half_closed: bool) -> Verdict {
        if half_closed {
            let (resets, other) = self.in_order(by_server);
            self.passes_the_end(other, resets)?;
            self.goes_on_for(resets, other)?;
        }
        let other = self.fails_after_a_reset(by_server, |_| ())?;
        other
            .peer
            .is_reset()
            .because(|case| cause::other_end_than_a_reset(case, &other))
    }

    /// One side half-closes, then resets: the relay reads there no more, so the next write returns
    /// the reset. The connection to the other side, which got an end of file before, must be over
    /// too.
    pub fn resets_after_the_end(self, by_server: bool) -> Verdict {
        let (resets, other) = self.in_order(by_server);
        self.passes_the_end(resets, other)?;
        self.goes_on_for(other, resets)?;
        let exam = self.exam;
        let other = self.fails_after_a_reset(by_server, |other| {
            exam.step(format!("{}: sent \"more\"", other.name));
            // A relay that looks may have reset it by now.
            let now = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
            let _ = send(other.peer.stream().as_raw_fd(), b"more", now);
        })?;
        let exams = other.end.other();
        let over = |table: &Table| table.find(exams).is_none().then_some(());
        let over = exam.table_shows(over)?;
        let expected = format!("the connection of the {} to be reset", other.name);
        exam.must(
            over.is_some(),
            expected,
            "the kernel still has a row for it",
        )
        .because(|case| cause::not_reset(case, &other))
    }

    /// One side resets while the other sends to it.
    pub fn resets_in_the_middle(self, by_server: bool) -> Verdict {
        let (resets, other) = self.in_order(by_server);
        self.fills(other, resets)?;
        self.fails_after_a_reset(by_server, |_| ()).map(drop)
    }

    /// One side resets, then the other does something, and `relay` must return an error. Returns
    /// the other side.
    fn fails_after_a_reset(self, by_server: bool, then: impl FnOnce(&Side)) -> Verdict<Side<'e>> {
        let (resets, other) = match by_server {
            true => (self.server, self.client),
            false => (self.client, self.server),
        };
        let had_ended = resets.has_ended.get();
        resets.peer.reset();
        then(&other);
        let error = self
            .answer
            .fails(&format!("after the reset by the {}", resets.name))
            .because(|case| cause::loses_the_reset(case, &other, had_ended))?;
        let step = format!("`relay` has returned an error: {:?}", error.kind());
        self.exam.step(step);
        Ok(other)
    }

    /// The side that is meant, and the other.
    fn in_order(&self, server_first: bool) -> (&Side<'e>, &Side<'e>) {
        match server_first {
            true => (&self.server, &self.client),
            false => (&self.client, &self.server),
        }
    }
}

fn side<'e>(exam: &'e Exam, name: &'static str) -> Verdict<(Side<'e>, TcpStream)> {
    let (peer, yours) = exam.connection()?;
    let end = or_skip("read an address", End::of(&yours))?;
    let peer = peer.named(name);
    let side = Side {
        peer,
        name,
        end,
        has_ended: Cell::new(false),
    };
    Ok((side, yours))
}

/// Bytes of which each eight are their own offset, from this one on.
fn numbered_from(at: usize) -> Vec<u8> {
    let words = (at / 8 * 8..at + SMALL).step_by(8);
    let bytes = words.flat_map(|at| format!("{at:07} ").into_bytes());
    bytes.skip(at % 8).collect()
}

/// A side whose connection has small buffers at both ends.
fn narrow_side<'e>(exam: &'e Exam, name: &'static str) -> Verdict<(Side<'e>, TcpStream)> {
    let (stream, yours) = or_skip("connect", narrow())?;
    let ours = or_skip("read an address", stream.local_addr())?;
    let side = Side {
        end: or_skip("read an address", End::of(&yours))?,
        peer: Peer::new(exam, stream).named(name),
        name,
        has_ended: Cell::new(false),
    };
    exam.watches(&yours);
    exam.step(format!(
        "connected {ours}, the exam's end, and {}, yours, with small buffers",
        side.end.local
    ));
    Ok((side, yours))
}

/// The receive buffers are set before connect, which announces the window to the peer: in a larger
/// window segments would be larger than a small buffer has room for.
fn narrow() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    SockRef::from(&listener).set_recv_buffer_size(WINDOW)?; // what it accepts inherits it
    let client = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    client.set_recv_buffer_size(WINDOW)?;
    client.connect(&listener.local_addr()?.into())?;
    let (server, _) = listener.accept()?;
    for end in [SockRef::from(&client), SockRef::from(&server)] {
        end.set_send_buffer_size(SMALL)?;
    }
    Ok((client.into(), server))
}

/// No thread that it started may be left.
pub(super) fn left_no_thread(exam: &Exam) -> Verdict {
    let expected = "no thread to be left when `relay` has returned";
    exam.must_leave_no_thread(expected, "there is one, or more")
        .caused_by(cause::KEEPS_A_THREAD)
}
