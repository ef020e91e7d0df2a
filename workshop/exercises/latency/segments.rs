//! How many segments a request needs, and when they are sent.

use socket_workshop::peer::set_min_ttl;
use socket2::SockRef;

use super::{
    Writer,
    call::{Caller, request},
    cause::{Pieces, held_back, held_by_those_before, waits_for_an_ack},
};
use crate::exam::{Because, Exam, Peer, Unmet, Verdict, here};

/// Requests of a conversation. With the greetings they are fewer than ten segments: with the eleventh a
/// congestion control that paces, as bbr does, may begin to wait between two.
const ROUNDS: usize = 3;

/// Requests that do not wait for each other: fewer than are sent before the first ACK (RFC 6928).
const AT_ONCE: u32 = 4;

/// How often these may be tried: no ACK comes, and after 200 ms a segment is sent again.
const TRIES: usize = 5;

pub(super) fn needs_one_with_no_delay(exam: &Exam, writer: Writer) -> Verdict {
    let (peer, caller) = Caller::connect(exam, writer)?;
    here("set TCP_NODELAY", caller.stream.set_nodelay(true))?;
    exam.step("set TCP_NODELAY on your socket");
    needs_one(exam, &peer, &caller, b"blue")
}

pub(super) fn needs_one_without(exam: &Exam, writer: Writer) -> Verdict {
    let (peer, caller) = Caller::connect(exam, writer)?;
    needs_one(exam, &peer, &caller, b"blue")
}

pub(super) fn needs_one_for_thousands_of_bytes(exam: &Exam, writer: Writer) -> Verdict {
    let (peer, caller) = Caller::connect(exam, writer)?;
    let mss = SockRef::from(&*caller.stream).tcp_mss();
    let mss = here("read TCP_MAXSEG", mss)? as usize;
    exam.step(format!("a segment has room for {mss} bytes (TCP_MAXSEG)"));
    needs_one(exam, &peer, &caller, &b"blue ".repeat(mss / 10))
}

/// Requests, each answered before the next: a segment for each.
fn needs_one(exam: &Exam, peer: &Peer, caller: &Caller, value: &[u8]) -> Verdict {
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
                .caused_by(pieces.cause());
        }
        caller.is_answered_by(peer)?;
    }
    Ok(())
}

/// A value of no bytes has no last write that would push what was kept for it.
pub(super) fn leaves_nothing_to_be_sent_later(exam: &Exam, writer: Writer) -> Verdict {
    for connect in [Caller::connect, Caller::connect_prepared] {
        let (peer, caller) = connect(exam, writer)?;
        for value in [&b""[..], b"blue", b""] {
            let request = caller.puts("colour", value)?;
            caller.holds_nothing_back(|row| held_back(row, &caller.stream))?;
            peer.receives(&request)?;
            caller.is_answered_by(&peer)?;
        }
    }
    Ok(())
}

/// The answer's end hears no ACK. What is sent nevertheless has not waited for one.
pub(super) fn waits_for_no_ack_once_prepared(exam: &Exam, writer: Writer) -> Verdict {
    for _try in 0..TRIES {
        if all_are_sent_at_once(exam, writer)? {
            return Ok(());
        }
    }
    Err(Unmet::not_here(
        "too busy a machine: a segment is sent again before all requests are written",
    ))
}

/// False if it could not be seen: where a segment had to be sent again, congestion control holds the
/// next ones back, whoever wrote them.
fn all_are_sent_at_once(exam: &Exam, writer: Writer) -> Verdict<bool> {
    let (peer, caller) = Caller::connect_prepared(exam, writer)?;
    let before = caller.segments()?;
    // The exam's segments have a TTL of 64: none gets through. A filter would take privileges.
    here("set IP_MINTTL", set_min_ttl(&*caller.stream, 255))?;
    exam.step("set IP_MINTTL on your socket: no ACK of the exam's reaches it");
    let keys: Vec<String> = (1..=AT_ONCE).map(|number| format!("key{number}")).collect();
    let requests: Vec<u8> = keys.iter().flat_map(|key| request(key, b"blue")).collect();
    let answer = caller.call_for_each(keys, b"blue")?;
    let returned = answer.succeeds("although nothing is acknowledged");
    returned.because(waits_for_an_ack)?;
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
    // What was held back is sent all the same when no ACK comes for long, and then together.
    let segments = caller.segments()?.saturating_sub(before);
    if segments < AT_ONCE && caller.resent()? > 0 {
        return Ok(false); // one that is sent again may be under way, or bring several requests
    }
    exam.must(
        segments >= AT_ONCE,
        format!("{AT_ONCE} requests in {AT_ONCE} segments, each sent at once"),
        format!("they came in {segments}"),
    )
    .caused_by(held_by_those_before(&caller.stream, AT_ONCE, segments))?;
    here("set IP_MINTTL", set_min_ttl(&*caller.stream, 0)).map(|()| true)
}
