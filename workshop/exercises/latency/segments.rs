//! How many segments a request needs, and when they are sent.

use std::{io, os::fd::AsRawFd, time::Duration};

use nix::sys::socket::{MsgFlags, send};
use socket_workshop::peer::set_min_ttl;
use socket2::SockRef;

use super::{
    Writer,
    caller::{Caller, request},
    cause::{self, Pieces, held_back, held_by_those_before},
};
use crate::exam::{Because, CheckError, Exam, Peer, Verdict, numbered, or_skip};

/// Requests of a conversation. With the greetings they are fewer than ten segments: with the
/// eleventh a congestion control that paces, as bbr does, may begin to wait between two.
const ROUNDS: usize = 3;

/// Requests that do not wait for each other: fewer than are sent before the first ACK (RFC 6928).
const AT_ONCE: u32 = 4;

/// How often these may be tried: no ACK comes, and after 200 ms a segment is sent again.
const TRIES: usize = 5;

/// Several calls take so much longer only if they wait.
const A_WAIT: Duration = Duration::from_millis(60);

pub(super) fn sends_one_with_no_delay(exam: &Exam, writer: Writer) -> Verdict {
    let (peer, caller) = Caller::connect(exam, writer)?;
    or_skip("set TCP_NODELAY", caller.stream.set_nodelay(true))?;
    exam.step("set TCP_NODELAY on your socket");
    sends_one(exam, &peer, &caller, b"blue")
}

pub(super) fn sends_one_without(exam: &Exam, writer: Writer) -> Verdict {
    let (peer, caller) = Caller::connect(exam, writer)?;
    sends_one(exam, &peer, &caller, b"blue")
}

pub(super) fn sends_one_of_thousands_of_bytes(exam: &Exam, writer: Writer) -> Verdict {
    let (peer, caller) = Caller::connect(exam, writer)?;
    let mss = SockRef::from(&*caller.stream).tcp_mss();
    let mss = or_skip("read TCP_MAXSEG", mss)? as usize;
    exam.step(format!("a segment has room for {mss} bytes (TCP_MAXSEG)"));
    let whole = mss - request("colour", &[]).len() - 4; // the length has up to 5 digits
    for size in [4096, 8192, 16_384, whole / 2, whole] {
        let value = &numbered(whole + 8)[..size.min(whole)];
        sends_one(exam, &peer, &caller, value)?;
    }
    Ok(())
}

/// Requests, each answered before the next: a segment for each.
fn sends_one(exam: &Exam, peer: &Peer, caller: &Caller, value: &[u8]) -> Verdict {
    peer.delays_acknowledgments(); // for which Nagle's algorithm waits
    caller.converses_with(peer)?;
    for _round in 0..ROUNDS {
        let before = caller.segments()?;
        let request = caller.puts("colour", value)?;
        caller.holds_nothing_back(|row| held_back(row, &caller.stream))?;
        peer.receives(&request)?;
        let pieces = Pieces {
            segments: caller.segments()?.saturating_sub(before),
            bytes: request.len(),
            no_delay: caller.stream.nodelay().unwrap_or(false),
        };
        if pieces.segments > 1 {
            return exam
                .fail(
                    format!("the {} bytes in one segment", pieces.bytes),
                    format!("they came in {}", pieces.segments),
                )
                .caused_by(pieces.diagnose());
        }
        caller.is_answered_by(peer)?;
    }
    Ok(())
}

/// A value of no bytes has no last write that would push what was kept for it.
pub(super) fn holds_nothing_back(exam: &Exam, writer: Writer) -> Verdict {
    for connect in [Caller::connect, Caller::connect_prepared] {
        let (peer, caller) = connect(exam, writer)?;
        peer.delays_acknowledgments(); // for which Nagle's algorithm waits
        for value in [&b""[..], b"blue", b""] {
            let request = caller.puts("colour", value)?;
            caller.holds_nothing_back(|row| held_back(row, &caller.stream))?;
            peer.receives(&request)?;
            caller.is_answered_by(&peer)?;
        }
    }
    Ok(())
}

/// No ACK reaches the answer's end. What is sent nevertheless has not waited for one.
pub(super) fn sends_each_immediately(exam: &Exam, writer: Writer) -> Verdict {
    for _try in 0..TRIES {
        if all_are_sent_at_once(exam, writer)? {
            return Ok(());
        }
    }
    Err(CheckError::skipped(
        "too busy a machine: a segment is sent again before all requests are written",
    ))
}

/// False if it could not be seen: where a segment had to be sent again, congestion control holds
/// the next ones back.
fn all_are_sent_at_once(exam: &Exam, writer: Writer) -> Verdict<bool> {
    let (peer, caller) = Caller::connect_prepared(exam, writer)?;
    let before = caller.segments()?;
    no_ack_reaches(exam, &caller)?;
    let keys: Vec<String> = (1..=AT_ONCE).map(|number| format!("key{number}")).collect();
    let requests: Vec<u8> = keys.iter().flat_map(|key| request(key, b"blue")).collect();
    let answer = caller.call_for_each(keys, b"blue")?;
    answer
        .succeeds("although nothing is acknowledged")
        .because(cause::waits_for_an_ack)?;
    if let Some(row) = caller.held_back()? {
        if row.timer.is_some_and(|timer| timer.attempts > 0) {
            return Ok(false);
        }
        let segments = caller.segments()?.saturating_sub(before);
        return caller.fail_holding(&row).caused_by(held_by_those_before(
            &caller.stream,
            AT_ONCE,
            segments,
        ));
    }
    peer.receives(&requests)?;
    // Bytes that were held back are sent too when no ACK comes for long, and then together.
    let segments = caller.segments()?.saturating_sub(before);
    if segments < AT_ONCE && caller.resent()? > 0 {
        return Ok(false); // one that is sent again may be under way, or bring several requests
    }
    exam.must(
        segments >= AT_ONCE,
        format!("{AT_ONCE} requests in {AT_ONCE} segments, each sent immediately"),
        format!("they came in {segments}"),
    )
    .caused_by(held_by_those_before(&caller.stream, AT_ONCE, segments))?;
    or_skip("set IP_MINTTL", set_min_ttl(&*caller.stream, 0)).map(|()| true)
}

/// The exam's segments have a TTL of 64: none gets through. A filter would take privileges.
fn no_ack_reaches(exam: &Exam, caller: &Caller) -> Verdict {
    or_skip("set IP_MINTTL", set_min_ttl(&*caller.stream, 255))?;
    exam.step("set IP_MINTTL on your socket: no ACK from the exam's end reaches it");
    Ok(())
}

/// The size to which a send buffer is set, in bytes.
const BUFFER: usize = 64 << 10;

pub(super) fn returns_without_waiting(exam: &Exam, writer: Writer) -> Verdict {
    takes_no_longer_without_acks(exam, writer)?;
    returns_with_a_full_buffer(exam, writer)
}

/// A request for which the send buffer has just room: the kernel has it, and reports no room for
/// more until some of it is acknowledged.
fn returns_with_a_full_buffer(exam: &Exam, writer: Writer) -> Verdict {
    let (_peer, caller) = Caller::connect_prepared(exam, writer)?;
    let room = fills_its_buffer(exam, &caller)?;
    let (_peer, caller) = Caller::connect_prepared(exam, writer)?;
    or_skip(
        "set SO_SNDBUF",
        SockRef::from(&*caller.stream).set_send_buffer_size(BUFFER),
    )?;
    no_ack_reaches(exam, &caller)?;
    // By poll(2) there is room only while a third of the buffer is free.
    let answer = caller.call("large", &numbered(room / 5 * 4))?;
    let returned = answer.returns("although nothing is acknowledged");
    let value = returned.because(cause::waits_for_an_ack)?;
    exam.must(value.is_ok(), "`put` to return Ok", "it has not")
}

/// How many bytes the kernel takes at once on an equal connection.
fn fills_its_buffer(exam: &Exam, caller: &Caller) -> Verdict<usize> {
    let sized = SockRef::from(&*caller.stream).set_send_buffer_size(BUFFER);
    or_skip("set SO_SNDBUF", sized)?;
    no_ack_reaches(exam, caller)?;
    let all = vec![b'x'; 1 << 20];
    let sent = send(caller.stream.as_raw_fd(), &all, MsgFlags::MSG_DONTWAIT);
    let room = or_skip("fill a send buffer", sent.map_err(io::Error::from))?;
    exam.step(format!(
        "filled the send buffer of a connection: it has room for {room} bytes"
    ));
    Ok(room)
}

/// A `put` that waits for an ACK with a timeout takes longer where none comes than where one comes
/// immediately. Each is measured on a connection of its own, without the time in which the answer
/// had no CPU.
fn takes_no_longer_without_acks(exam: &Exam, writer: Writer) -> Verdict {
    let mut slower = Duration::ZERO;
    for _try in 0..TRIES {
        let with_acks = takes(exam, writer, true)?;
        slower = takes(exam, writer, false)?.saturating_sub(with_acks);
        if slower < A_WAIT {
            return Ok(());
        }
    }
    exam.fail(
        "`put` to take as long without an ACK as with one",
        format!("{AT_ONCE} calls took {slower:.0?} longer where no ACK came"),
    )
    .caused_by(cause::WAITS_A_LITTLE)
}

/// How long several calls take.
fn takes(exam: &Exam, writer: Writer, acks: bool) -> Verdict<Duration> {
    let (_peer, caller) = Caller::connect_prepared(exam, writer)?;
    if !acks {
        no_ack_reaches(exam, &caller)?;
    }
    let keys: Vec<String> = (1..=AT_ONCE).map(|number| format!("key{number}")).collect();
    let answer = caller.call_for_each(keys, b"blue")?;
    let when = match acks {
        true => "although nothing is answered",
        false => "although nothing is acknowledged",
    };
    answer.succeeds(when).because(cause::waits_for_an_ack)?;
    let took = answer.took();
    Ok(took.time.saturating_sub(took.delay))
}
