//! What arrives, when `put` returns, and which errors it returns.

use std::{
    io::{self, ErrorKind},
    net::Shutdown,
};

use socket2::SockRef;

use super::{
    Writer,
    caller::{Caller, request},
    cause,
};

use crate::exam::{
    Because, Call, Case, Exam, Peer, Running, Verdict,
    diagnosis::{PANICS_ON_AN_ERROR, RETRIES_A_FATAL_ERROR},
    numbered, or_skip,
};

/// A send buffer that a write soon fills, in bytes. The peer's receive buffer is left alone: if it
/// is made smaller than a segment of loopback, segments are dropped and sent again after longer and
/// longer times.
const SMALL: usize = 16 << 10;

/// What the exam reads at once of a large request, and how many of the waits in between it
/// interrupts.
const PIECE: usize = 8000;
const INTERRUPTIONS: usize = 12;

pub(super) fn sends_the_request(exam: &Exam, writer: Writer) -> Verdict {
    let (peer, caller) = Caller::connect(exam, writer)?;
    let requests: [(&str, &[u8]); 8] = [
        ("colour", b"blue"),
        ("\tcolour\r", b"blue"),
        ("\u{a0}colour\u{3000}", b"blue"),
        ("k", b"v"),
        ("größe", "fünf".as_bytes()),
        ("ten", b"0123456789"),
        (&"a-long-key-".repeat(6), b"value"),
        (&"a-longer-key-".repeat(100), b"value"),
    ];
    for (key, value) in requests {
        let answer = caller.call(key, value)?;
        let request = request(key, value);
        answer
            .succeeds("on an open connection")
            .because(|case| cause::refuses(case, key))?;
        peer.receives(&request)
            .because(|case| cause::trims_the_key(case, key))
            .because(cause::differs)?;
    }
    sends_nothing_more(exam, &peer, &caller)?;
    sends_it_after_the_servers_fin(exam, writer)
}

/// A server that has half-closed sends no more answers, and still receives requests.
fn sends_it_after_the_servers_fin(exam: &Exam, writer: Writer) -> Verdict {
    let (peer, caller) = Caller::connect(exam, writer)?;
    peer.half_close()?;
    caller.is_in_close_wait()?;
    let answer = caller.call("colour", b"blue")?;
    answer
        .succeeds("on a connection whose other end can still receive")
        .caused_by(
            "The server has half-closed: it sends no more, and it still receives (CLOSE_WAIT at \
             your end). `put` sends a request and reads nothing. The write returns an error if \
             the connection cannot carry it: an end of file is not one.",
        )?;
    peer.receives(&request("colour", b"blue"))
}

pub(super) fn sends_any_bytes(exam: &Exam, writer: Writer) -> Verdict {
    let (peer, caller) = Caller::connect(exam, writer)?;
    let bytes: Vec<u8> = (0..=255).rev().collect();
    let values: [&[u8]; 5] = [b"", b"PUT me 3\nend\n", b"\0", &bytes, &numbered(10_000)];
    for value in values {
        let request = caller.puts("bytes", value)?;
        peer.receives(&request).because(cause::differs)?;
    }
    sends_nothing_more(exam, &peer, &caller)
}

/// The caller ends its sending half: nothing may come before the end of file.
fn sends_nothing_more(exam: &Exam, peer: &Peer, caller: &Caller) -> Verdict {
    let ended = caller.stream.shutdown(Shutdown::Write);
    exam.step("the caller shut down the sending half");
    peer.ends()?;
    or_skip("shut a stream down", ended)
}

/// The peer does not read, and there is no room for so much: `put` cannot be done.
pub(super) fn returns_when_the_kernel_has_it(exam: &Exam, writer: Writer) -> Verdict {
    let (peer, caller) = Caller::connect_prepared(exam, writer)?;
    let small = SockRef::from(&*caller.stream).set_send_buffer_size(SMALL);
    or_skip("set SO_SNDBUF", small)?;
    let value = numbered(8 << 20);
    let answer = caller.call("large", &value)?;
    answer
        .goes_on("the peer does not read, and the kernel has no room for the whole request")
        .because(cause::returns_too_early)?;
    let request = request("large", &value);
    for piece in request.chunks(1 << 20) {
        peer.receives(piece)?;
    }
    answer.succeeds("when its request has been read")
}

/// An answer that has come before the next call, or during it, must still be there after it.
pub(super) fn leaves_the_answers(exam: &Exam, writer: Writer) -> Verdict {
    let (peer, caller) = Caller::connect_prepared(exam, writer)?;
    for value in [b"blue", b"grey"] {
        Caller::is_sent_a_reply(&peer)?;
        let request = caller.puts("colour", value)?;
        peer.receives(&request)?;
    }
    caller.reads_the_reply()?;
    caller.reads_the_reply()?;

    // One more comes while `put` waits for room.
    let small = SockRef::from(&*caller.stream).set_send_buffer_size(SMALL);
    or_skip("set SO_SNDBUF", small)?;
    let value = numbered(8 << 20);
    let answer = caller.call("large", &value)?;
    exam.waits_in(Call::Write)?;
    Caller::is_sent_a_reply(&peer)?;
    exam.stays_at_rest()?; // with it there, `put` still waits
    for piece in request("large", &value).chunks(1 << 20) {
        peer.receives(piece)?;
    }
    answer.succeeds("when its request has been read")?;
    caller.reads_the_reply()?;

    // Linux keeps what came before a reset: `put` fails, and the caller can still read it.
    let (peer, caller) = Caller::connect_prepared(exam, writer)?;
    Caller::is_sent_a_reply(&peer)?;
    caller.is_reset_by(peer)?;
    let refused = caller.call("colour", b"red")?;
    refused
        .fails("after a reset")
        .because(cause::loses_the_reset)?;
    caller.reads_the_reply()
}

/// A write takes a part of what it is given where a signal comes while it waits for room
/// (signal(7)).
pub(super) fn sends_the_rest(exam: &Exam, writer: Writer) -> Verdict {
    let large = String::from_utf8(numbered(1 << 20)).expect("digits and spaces");
    let long_key = large.replace(' ', "-"); // a key contains no space
    for (key, value) in [("large", &*large), (&long_key, "small")] {
        let (peer, caller) = Caller::connect_prepared(exam, writer)?;
        let small = SockRef::from(&*caller.stream).set_send_buffer_size(SMALL);
        or_skip("set SO_SNDBUF", small)?;
        let answer = caller.call(key, value.as_bytes())?;
        let request = request(key, value.as_bytes());
        let mut rest = &request[..];
        // An answer that never waits in a write, or not soon, has none that could be cut short.
        for _interruption in 0..INTERRUPTIONS {
            if rest.len() < PIECE || !exam.waits_in(Call::Write)? {
                break;
            }
            answer.interrupt()?;
            exam.step("interrupted your write: if it had taken a part, it returned how much");
            let read = request.len() - rest.len();
            let piece;
            (piece, rest) = rest.split_at(PIECE);
            let arrives = peer.receives(piece);
            arrives.because(|case| cause::of_a_part(case, &request, read))?;
        }
        let read = request.len() - rest.len();
        let arrives = peer.receives(rest);
        arrives.because(|case| cause::of_a_part(case, &request, read))?;
        answer.succeeds("when its request has been read")?;
    }
    Ok(())
}

pub(super) fn returns_the_error_of_a_reset(exam: &Exam, writer: Writer) -> Verdict {
    let (peer, caller) = Caller::connect(exam, writer)?;
    let request = caller.puts("colour", b"blue")?;
    peer.receives(&request)?;
    caller.is_reset_by(peer)?;
    fails(
        exam,
        &caller.call("colour", b"red")?,
        cause::loses_the_reset,
    )?;

    let (peer, caller) = Caller::connect(exam, writer)?;
    let answer = caller.call("large", &numbered(8 << 20))?;
    exam.waits_in(Call::Write)?;
    peer.reset();
    fails(exam, &answer, cause::loses_the_reset_of_a_part)
}

/// The first write after the reset returns ECONNRESET. Only a later one returns EPIPE.
fn fails(
    exam: &Exam,
    answer: &Running<io::Result<()>>,
    loses: fn(&Case) -> Option<String>,
) -> Verdict {
    let error = answer
        .fails("after a reset")
        .diagnose(&[PANICS_ON_AN_ERROR, RETRIES_A_FATAL_ERROR])
        .because(loses)?;
    exam.must(
        error.kind() == ErrorKind::ConnectionReset,
        "an error of the kind ConnectionReset",
        format!("{error} ({:?})", error.kind()),
    )
    .caused_by(match error.kind() {
        ErrorKind::BrokenPipe => {
            "The first call after the reset returns ConnectionReset, and your code returned \
             BrokenPipe. Either it replaces the error, or it drops the first one, of a write or of \
             a look at the connection, and writes after it: then the write returns EPIPE. Return \
             the first error, unchanged."
        }
        _ => {
            "The call fails, as it should, but the error has another kind. A caller recognizes a \
             peer that is gone by the ErrorKind: return the error of the write unchanged."
        }
    })
}
