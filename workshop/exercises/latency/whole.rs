//! What arrives, whatever a write takes; what is left as it was; and what is an error.

use std::{
    io::{self, ErrorKind},
    net::TcpStream,
};

use socket2::SockRef;

use super::{
    Writer,
    call::{Caller, request},
    cause,
};

use crate::exam::{Answer, Because, Call, Exam, Peer, Unmet, Verdict, here};

/// A send buffer that a write soon fills, in bytes. The peer's receive buffer is left alone: if it is made
/// smaller than a segment of loopback, segments are dropped and sent again after ever longer times.
const SMALL: usize = 16 << 10;

/// What the exam reads at once of a large request, and how many of the waits in between it interrupts.
const PIECE: usize = 8000;
const INTERRUPTIONS: usize = 12;

pub(super) fn sends_the_request_and_nothing_else(exam: &Exam, writer: Writer) -> Verdict {
    let (peer, caller) = Caller::connect(exam, writer)?;
    let bytes: Vec<u8> = (0..=255).collect();
    let requests: [(&str, &[u8]); 5] = [
        ("colour", b"blue"),
        ("größe", "fünf".as_bytes()),
        ("nothing", b""),
        ("two-lines", b"PUT me 3\nend\n"),
        ("bytes", &bytes),
    ];
    for (key, value) in requests {
        let request = caller.puts(key, value)?;
        peer.receives(&request).because(cause::differs)?;
    }
    drop(caller); // the last handle of the socket: the threads that called `put` are done
    exam.step("dropped the handle that `put` was lent");
    peer.ends()
}

pub(super) fn leaves_the_options(exam: &Exam, writer: Writer) -> Verdict {
    for no_delay in [false, true] {
        let (peer, caller) = Caller::connect(exam, writer)?;
        here("set TCP_NODELAY", caller.stream.set_nodelay(no_delay))?;
        leaves_them(exam, &peer, &caller)?;
    }
    let (peer, caller) = Caller::connect_prepared(exam, writer)?;
    leaves_them(exam, &peer, &caller)
}

fn leaves_them(exam: &Exam, peer: &Peer, caller: &Caller) -> Verdict {
    let before = options(&caller.stream)?;
    let request = caller.puts("colour", b"blue")?;
    peer.receives(&request)?;
    for ((name, before), (_, after)) in before.into_iter().zip(options(&caller.stream)?) {
        exam.must(
            after == before,
            format!("{name} to be {before}, as before the call of `put`"),
            format!("it is {after}"),
        )
        .caused_by(
            "An option belongs to the socket, not to a call or to a handle: it stays until somebody \
             sets it back, and the caller may have meant it otherwise. A request in one write needs \
             none. What is to hold for the whole connection is set once, in `prepare`.",
        )?;
    }
    Ok(())
}

/// What a writer may be tempted to set.
fn options(stream: &TcpStream) -> Verdict<[(&'static str, String); 4]> {
    let socket = SockRef::from(stream);
    let switch = |name, is: io::Result<bool>| Ok((name, here(name, is)?.to_string()));
    let timeout = here("read SO_SNDTIMEO", stream.write_timeout())?;
    Ok([
        switch("TCP_NODELAY", stream.nodelay())?,
        switch("TCP_CORK", socket.tcp_cork())?,
        switch("O_NONBLOCK", socket.nonblocking())?,
        ("SO_SNDTIMEO", format!("{timeout:?}")),
    ])
}

/// A write takes a part of what it is given where a signal comes while it waits for room (signal(7)).
pub(super) fn goes_on_after_a_partial_write(exam: &Exam, writer: Writer) -> Verdict {
    let numbers: Vec<String> = (0..1 << 17).map(|i| format!("{:07}-", i * 8)).collect();
    let large = numbers.concat(); // each eight bytes are their own offset
    for (key, value) in [("large", &*large), (&large, "small")] {
        let (peer, caller) = Caller::connect_prepared(exam, writer)?;
        let small = SockRef::from(&*caller.stream).set_send_buffer_size(SMALL);
        here("set SO_SNDBUF", small)?;
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

pub(super) fn takes_a_reset_for_an_error(exam: &Exam, writer: Writer) -> Verdict {
    let (peer, caller) = Caller::connect(exam, writer)?;
    let request = caller.puts("colour", b"blue")?;
    peer.receives(&request)?;
    peer.reset();
    if !exam.comes_true(|| Ok(caller.row()?.is_none()))? {
        return Err(Unmet::not_here("a reset does not arrive"));
    }
    fails(exam, &caller.call("colour", b"red")?)?;

    let (peer, caller) = Caller::connect(exam, writer)?;
    let answer = caller.call("large", &vec![b'x'; 8 << 20])?;
    exam.waits_in(Call::Write)?;
    peer.reset();
    fails(exam, &answer)
}

fn fails(exam: &Exam, answer: &Answer<io::Result<()>>) -> Verdict {
    let error = answer
        .fails("after a reset")
        .because(cause::loses_the_reset)?;
    exam.must(
        matches!(
            error.kind(),
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
        ),
        "an error of the kind ConnectionReset or BrokenPipe",
        format!("{error} ({:?})", error.kind()),
    )
    .caused_by(
        "It has failed, as it should, but by another name. A caller tells a peer that is gone from \
         other trouble by the ErrorKind: return the error of the write as it is.",
    )
}
