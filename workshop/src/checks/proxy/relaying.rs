//! The relay at work between a client and a server, which are the exam's.

use std::{
    cell::Cell,
    io::{self, Write},
    mem,
    net::TcpStream,
    time::Duration,
};

use socket_workshop::{
    deadline::Deadline,
    table::{End, Table, TimerKind},
};
use socket2::SockRef;

use super::{Relay, cause};

use crate::exam::{Answer, Because, Doing, Exam, LIMIT, Peer, Unmet, Verdict, here};

/// A buffer that is soon full, in bytes. Not smaller: a segment may have half of the first window, which
/// was 64 KiB, and one for which a window has no room goes by probes only.
const SMALL: usize = 64 << 10;

/// So much must be passed on within the limit.
const PIECE: usize = 16 << 10;

/// What may be taken of what nobody reads, in bytes: the relay's megabyte, and what the kernel's small
/// buffers hold, several times over.
const ENOUGH: usize = 3 << 20;

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
    pub answer: Answer<'e, io::Result<(u64, u64)>>,
}

impl<'e> Relaying<'e> {
    /// Begins on two new connections.
    pub fn begin(exam: &'e Exam, relay: Relay) -> Verdict<Relaying<'e>> {
        Relaying::begin_when(exam, relay, |_, _| Ok(()))
    }

    /// Begins with buffers that a write or two fill.
    pub fn begin_with_small_buffers(exam: &'e Exam, relay: Relay) -> Verdict<Relaying<'e>> {
        let (client, server) = (side(exam, "client")?, side(exam, "server")?);
        for (side, yours) in [&client, &server] {
            for stream in [side.peer.stream(), yours] {
                let stream = SockRef::from(stream);
                let small = stream.set_send_buffer_size(SMALL);
                let small = small.and(stream.set_recv_buffer_size(SMALL));
                here("set the sizes of buffers", small)?;
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

    /// One side speaks, and the other must hear it.
    pub fn passes(&self, bytes: &[u8], from: &Side, to: &Side) -> Verdict {
        from.peer.send(bytes)?;
        self.receives(bytes, from, to)
    }

    /// One side must hear what the other has said. Each piece of it has the limit for itself: a slow
    /// relay is a right one.
    pub fn receives(&self, bytes: &[u8], from: &Side, to: &Side) -> Verdict {
        for piece in bytes.chunks(PIECE) {
            to.peer
                .receives(piece)
                .because(|case| cause::not_passed(case, from, to))?;
        }
        Ok(())
    }

    /// The same, with a reader who takes a piece when the relay has done what it can: the last of them
    /// wait in the kernel when it returns.
    pub fn receives_at_leisure(&self, bytes: &[u8], from: &Side, to: &Side) -> Verdict {
        for piece in bytes.chunks(PIECE) {
            self.receives(piece, from, to)?;
            let rests = || {
                let running = self.exam.evidence().threads.contains(&Doing::Running);
                Ok((!running || self.answer.has_ended()).then_some(()))
            };
            self.exam.until(rests)?;
        }
        Ok(())
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

    /// While nobody speaks it must wait in the kernel.
    pub fn rests(&self) -> Verdict {
        let resting = || {
            let running = self.exam.evidence().threads.contains(&Doing::Running);
            Ok((!running).then_some(()))
        };
        let resting = self.exam.until(resting)?;
        let expected = "`relay` to wait in a system call while nobody speaks";
        self.exam
            .must(
                resting.is_some(),
                expected,
                format!("it runs, for {LIMIT:?}"),
            )
            .caused_by(cause::SPINS)
    }

    /// One side sends as much as goes, and the other does not read. Returns how much went: no more than
    /// it may.
    pub fn fills(&self, from: &Side, to: &Side) -> Verdict<usize> {
        let exams = from.end.other();
        let (mut taken, mut probe_due) = (0, Duration::MAX);
        // A window probe that has brought nothing is sent again, later: then the window has been shut for
        // a while. If no thread of the relay's could run by now, that is not for want of a processor.
        let full = |table: &Table| {
            while taken <= ENOUGH {
                match from.peer.fill(&[b'x'; SMALL]) {
                    Ok(more @ 1..) => (taken, probe_due) = (taken + more, Duration::MAX),
                    _ => break,
                }
            }
            let timer = table.find(exams).and_then(|row| row.timer);
            let probe = timer.filter(|timer| timer.kind == TimerKind::WindowProbe);
            let due = probe.map_or(Duration::MAX, |timer| timer.remaining);
            let before = mem::replace(&mut probe_due, due);
            let again = probe.is_some() && due > before;
            let held_up = again && !self.exam.evidence().threads.contains(&Doing::Running);
            (held_up || taken > ENOUGH).then_some(())
        };
        let full = self.exam.table_shows(full)?;
        let (name, other) = (from.name, to.name);
        self.exam.step(format!(
            "the {name} has sent as much as goes; the {other} does not read"
        ));
        let expected = "no more to be taken than a megabyte, and what the kernel's buffers hold";
        let seen = format!("{taken} bytes have been taken from the {name}");
        self.exam
            .must(taken <= ENOUGH, expected, seen)
            .caused_by(cause::TAKES_TOO_MUCH)?;
        match full {
            Some(()) => Ok(taken),
            None => Err(Unmet::not_here("a window did not close in time")),
        }
    }

    /// One side resets, and the other must hear just that. The other may have half-closed before.
    pub fn resets(self, by_server: bool, half_closed: bool) -> Verdict {
        if half_closed {
            let (resets, other) = self.in_order(by_server);
            self.passes_the_end(other, resets)?;
        }
        let other = self.fails_after_a_reset(by_server, |_| ())?;
        other
            .peer
            .is_reset()
            .because(|case| cause::other_end_than_a_reset(case, &other))
    }

    /// One side half-closes, then resets: nobody reads there any more, so the next write hears of it.
    /// The connection of the other, which has had an end of file, must be over too.
    pub fn resets_behind_the_end(self, by_server: bool) -> Verdict {
        let (resets, other) = self.in_order(by_server);
        self.passes_the_end(resets, other)?;
        let exam = self.exam;
        let other = self.fails_after_a_reset(by_server, |other| {
            exam.step(format!("{}: sent \"more\"", other.name));
            let _ = other.peer.stream().write(b"more"); // a relay that looks may have reset it by now
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

    /// One side resets, then the other does something, and `relay` must return an error. Returns the
    /// other side.
    fn fails_after_a_reset(self, by_server: bool, then: impl FnOnce(&Side)) -> Verdict<Side<'e>> {
        let (resets, other) = match by_server {
            true => (self.server, self.client),
            false => (self.client, self.server),
        };
        resets.peer.reset();
        then(&other);
        let error = self
            .answer
            .fails(&format!("after the reset by the {}", resets.name))
            .because(|case| cause::loses_the_reset(case, &other))?;
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
    let end = here("read an address", End::of(&yours))?;
    let peer = peer.named(name);
    let side = Side {
        peer,
        name,
        end,
        has_ended: Cell::new(false),
    };
    Ok((side, yours))
}

/// No thread that it started may be left. One that has been joined is gone in a moment.
pub(super) fn left_no_thread(exam: &Exam) -> Verdict {
    let gone = || Ok(exam.evidence().threads.is_empty().then_some(()));
    let gone = Deadline::after(LIMIT / 4).wait_for(gone);
    let expected = "no thread to be left when `relay` has returned";
    exam.must(
        matches!(gone, Ok(Some(()))),
        expected,
        "there is one, or more",
    )
    .caused_by(cause::A_THREAD_IS_LEFT)
}
