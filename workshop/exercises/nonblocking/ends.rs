//! The checks of how a dial ends, and of what is left when it has.

use std::{
    io::{self, ErrorKind},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
};
use socket_workshop::table::{End, State};
use socket2::{Domain, Socket, Type};

use super::{
    Connect,
    call::{Call, Cancel},
    cause, hangs,
};

use crate::{
    checks::dialer::address::Address,
    exam::{AMPLE, Because, Case, Exam, Unmet, Verdict, descriptors, here},
};

pub(super) fn gives_back_a_connected_blocking_stream(exam: &Exam, connect: Connect) -> Verdict {
    let cancel = Cancel::new()?;
    let server = Address::that_answers(exam)?;
    let call = Call::begin(exam, connect, server.addr, AMPLE, &cancel)?;
    let stream = call.connects("when the address answers")?;
    let end = here("read the stream's addresses", End::of(&stream))?;
    let table = exam.table()?;
    let state = table.find(end).map(|row| row.state);
    exam.must(
        state == Some(State::Established),
        "the stream to be ESTABLISHED",
        state.map_or("it has no row".to_owned(), |state| format!("it is {state}")),
    )
    .caused_by(
        "Both halves of the connection are to be open: nothing closed, nothing shut down.",
    )?;
    let flags = fcntl(&stream, FcntlArg::F_GETFL).map_err(io::Error::from);
    let flags = OFlag::from_bits_retain(here("read a descriptor's flags", flags)?);
    exam.must(
        !flags.contains(OFlag::O_NONBLOCK),
        "a blocking stream",
        "O_NONBLOCK is set: a read from it would return WouldBlock",
    )
    .caused_by(
        "The socket was made non-blocking for its dial, and has stayed so. The flag belongs to the \
         socket, not to a call: `set_nonblocking(false)` before it is given back.",
    )?;
    let read = here("read SO_RCVTIMEO", stream.read_timeout())?;
    let write = here("read SO_SNDTIMEO", stream.write_timeout())?;
    exam.must(
        read.is_none() && write.is_none(),
        "a stream with no timeout set",
        format!("the read timeout is {read:?}, the write timeout {write:?}"),
    )
    .caused_by(
        "A timeout that was set for the dial has stayed on the socket: every later read or write of \
         the caller's would end by it. Set it back to `None`.",
    )?;
    let sent = table.find(end.other()).map_or(0, |row| row.recv_q);
    exam.must(
        sent == 0,
        "a stream on which nothing has been said",
        format!("the server has something to read: Recv-Q is {sent}"),
    )
    .caused_by(
        "A byte that tries the connection is a part of what its peer reads. How a dial has ended \
         SO_ERROR (`take_error`) tells: 0 is a connection, anything else is why there is none.",
    )?;
    let connections = server.connections(exam)?;
    exam.must(
        connections == 1,
        "one connection to be made",
        format!("{connections} are in the accept queue of {}", server.addr),
    )
    .caused_by("Each of them is a client to its server. Begin one dial, and wait for it.")
}

pub(super) fn dials_both_families(exam: &Exam, connect: Connect) -> Verdict {
    let cancel = Cancel::new()?;
    for ip in [Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()] {
        let server = Address::that_answers_at(exam, ip)?;
        let call = Call::begin(exam, connect, server.addr, AMPLE, &cancel)?;
        call.connects("when the address answers")?;
    }
    Ok(())
}

pub(super) fn returns_a_refusal(exam: &Exam, connect: Connect) -> Verdict {
    let cancel = Cancel::new()?;
    let refuses = Address::that_refuses(exam)?;
    let call = Call::begin(exam, connect, refuses.addr, AMPLE, &cancel)?;
    let refused = ErrorKind::ConnectionRefused;
    call.fails(refused, "when the address refuses", hangs::never_ends)
}

/// No TCP connection can be made to the broadcast address of loopback. Nothing leaves the machine.
pub(super) fn returns_what_connect_says_at_once(exam: &Exam, connect: Connect) -> Verdict {
    let addr = SocketAddr::from(([127, 255, 255, 255], 9));
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None);
    let socket = here("make a socket", socket)?;
    let flag = socket.set_nonblocking(true);
    here("make a socket non-blocking", flag)?;
    let kind = match socket.connect(&addr.into()) {
        Err(error) if error.raw_os_error() != Some(Errno::EINPROGRESS as i32) => error.kind(),
        _ => return Err(Unmet::not_here(format!("{addr} can be dialed"))),
    };
    exam.step(format!("{addr}: nobody can dial it, connect says {kind:?}"));
    let cancel = Cancel::new()?;
    let call = Call::begin(exam, connect, addr, AMPLE, &cancel)?;
    call.fails(kind, "when connect has failed at once", hangs::never_ends)
}

pub(super) fn leaves_nothing_behind(exam: &Exam, connect: Connect) -> Verdict {
    let (server, refuses, silent) = (
        Address::that_answers(exam)?,
        Address::that_refuses(exam)?,
        Address::that_is_silent(exam)?,
    );
    let (untold, mut told) = (Cancel::new()?, Cancel::new()?);
    let before = descriptors()?;
    let short = Duration::from_millis(200);

    let call = Call::begin(exam, connect, silent.addr, short, &untold)?;
    let when = format!("with a limit of {short:?}");
    let overdue = |case: &Case| hangs::overdue(case, short);
    call.fails(ErrorKind::TimedOut, &when, overdue)?;
    is_all_there_is(exam, before, "when time is over")?;

    let call = Call::begin(exam, connect, silent.addr, AMPLE, &told)?;
    call.is_under_way()?;
    told.write(exam)?;
    let aborted = ErrorKind::ConnectionAborted;
    call.fails(aborted, "after that", hangs::deaf_to_cancel)?;
    is_all_there_is(exam, before, "when it is cancelled")?;

    let call = Call::begin(exam, connect, refuses.addr, AMPLE, &untold)?;
    let refused = ErrorKind::ConnectionRefused;
    call.fails(refused, "when the address refuses", hangs::never_ends)?;
    is_all_there_is(exam, before, "after a refusal")?;

    let call = Call::begin(exam, connect, server.addr, AMPLE, &untold)?;
    let _stream = call.connects("when the address answers")?;
    is_all_there_is(exam, before + 1, "but the stream")
}

/// No dial is under way, and there are no more descriptors than these.
fn is_all_there_is(exam: &Exam, expected: usize, when: &str) -> Verdict {
    let table = exam.table()?;
    let dial = table.rows.iter().find(|row| row.state == State::SynSent);
    let seen = dial.map_or(String::new(), |row| {
        format!("{} is still being dialed (SYN_SENT)", row.peer)
    });
    exam.must(
        dial.is_none(),
        format!("`connect` to leave nothing behind {when}"),
        seen,
    )
    .because(|case| Some(cause::still_under_way(case).to_owned()))?;
    let open = descriptors()?;
    exam.must(
        open <= expected,
        format!("`connect` to leave nothing behind {when}"),
        format!("{} more descriptors are open", open.saturating_sub(expected)),
    )
    .caused_by(
        "Whatever a call has opened it must close, when it fails too: its socket, a clone of it or of \
         `cancel`. What is dropped is closed; a raw number, and what was forgotten, is not.",
    )
}
