//! The checks of how a dial ends.

use std::{
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, TcpListener, TcpStream},
    time::Duration,
};

use nix::errno::Errno;
use socket_workshop::table::{End, duplicate};
use socket2::{Domain, SockRef, Socket, Type};

use super::{
    Connect, hangs,
    harness::{Call, Cancel},
};

use crate::{
    checks::{dialer::address::Address, returned},
    exam::{
        AMPLE, Because, CheckError, Exam, Options, Owner, Verdict, diagnosis::LEAVES_OPTIONS,
        or_skip,
    },
};

/// A server, and the stream that the answer returned.
fn connected(exam: &Exam, connect: Connect) -> Verdict<(Address, TcpStream)> {
    let cancel = Cancel::new()?;
    let server = Address::that_answers(exam)?;
    let call = Call::begin(exam, connect, server.addr, AMPLE, &cancel)?;
    let stream = call.connects("when the address answers")?;
    Ok((server, stream))
}

pub(super) fn returns_a_connected_stream(exam: &Exam, connect: Connect) -> Verdict {
    let (_server, stream) = connected(exam, connect)?;
    returned::is_established(exam, &stream).caused_by(
        "Your code has closed or shut down a half of the connection. Return it with both halves \
         open.",
    )
}

pub(super) fn sends_nothing(exam: &Exam, connect: Connect) -> Verdict {
    let (_server, stream) = connected(exam, connect)?;
    let end = or_skip("read the stream's addresses", End::of(&stream))?;
    let sent = exam.table()?.find(end.other()).map_or(0, |row| row.recv_q);
    exam.must(
        sent == 0,
        "a stream on which nothing was sent",
        format!("the server has something to read: Recv-Q is {sent}"),
    )
    .caused_by(
        "Your code sends a byte to try the connection, and the server reads that byte as data. Ask \
         SO_ERROR (`take_error`) how the dial ended: 0 is a connection.",
    )
}

pub(super) fn returns_a_blocking_stream(exam: &Exam, connect: Connect) -> Verdict {
    let (_server, stream) = connected(exam, connect)?;
    let nonblocking = SockRef::from(&stream).nonblocking();
    exam.must(
        !or_skip("read a descriptor's flags", nonblocking)?,
        "a blocking stream",
        "O_NONBLOCK is set: a read from it would fail with WouldBlock",
    )
    .caused_by(
        "Your code made the socket non-blocking for its dial and left it so. The flag belongs to \
         the socket, not to a call: `set_nonblocking(false)` before you return it.",
    )
}

pub(super) fn sets_no_option(exam: &Exam, connect: Connect) -> Verdict {
    for ip in [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()] {
        sets_none_at(exam, connect, ip)?;
    }
    Ok(())
}

fn sets_none_at(exam: &Exam, connect: Connect, ip: IpAddr) -> Verdict {
    let cancel = Cancel::new()?;
    let server = Address::that_answers_at(exam, ip)?;
    let call = Call::begin(exam, connect, server.addr, AMPLE, &cancel)?;
    let stream = call.connects("when the address answers")?;
    let plain = or_skip("connect", TcpStream::connect(server.addr))?;
    exam.owns(&plain);
    let options = |stream| {
        let options = Options::of(stream).without_buffers();
        options.except(&["O_NONBLOCK"]) // another check's subject
    };
    let changed = options(&plain).changed(&options(&stream));
    exam.must(
        changed.is_empty(),
        "a stream with the options that the kernel sets",
        format!("`connect` has returned, and changed {}", changed.join("; ")),
    )
    .diagnose(&[LEAVES_OPTIONS])
}

pub(super) fn makes_one_connection(exam: &Exam, connect: Connect) -> Verdict {
    let (server, _stream) = connected(exam, connect)?;
    let connections = server.connections(exam)?;
    exam.must(
        connections == 1,
        "one connection to be made",
        format!("{connections} are in the accept queue of {}", server.addr),
    )
    .caused_by(
        "Your code dials more than once, and each connection is a client to the server. Begin one \
         dial and wait for it.",
    )
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

/// A dial that is under way fails, and not by a refusal: its SYNs have not been answered for as long
/// as the kernel repeats them. That is about two minutes; with TCP_USER_TIMEOUT on the socket that
/// dials it is as long as the first SYN waits, a second.
pub(super) fn returns_another_error(exam: &Exam, connect: Connect) -> Verdict {
    let cancel = Cancel::new()?;
    // Not one whose accept queue is full: then a wait is a hang as soon as the thread rests.
    let silent = Address::many_that_are_silent(exam, 1)?;
    let call = Call::begin(exam, connect, silent[0].addr, AMPLE, &cancel)?;
    let end = call.is_under_way()?;
    let evidence = exam.evidence();
    let dialing = evidence.yours().find(|seen| seen.row.end() == end);
    let Some(Owner::Yours(fd)) = dialing.map(|seen| seen.owner) else {
        return Err(CheckError::skipped(
            "the descriptor of the dial is not known",
        ));
    };
    let socket = or_skip("duplicate the descriptor of the dial", duplicate(fd))?;
    let patience = socket.set_tcp_user_timeout(Some(Duration::from_millis(1)));
    or_skip("set TCP_USER_TIMEOUT", patience)?;
    drop(socket);
    exam.step("the dial fails with ETIMEDOUT: the kernel repeats the SYN once (TCP_USER_TIMEOUT)");
    let when = "when the dial fails with ETIMEDOUT";
    call.fails(ErrorKind::TimedOut, when, hangs::never_ends)
}

/// The index of the loopback interface on Linux: 1 in every network namespace.
const LOOPBACK: u32 = 1;

/// No TCP connection can be made to these: the broadcast address of loopback, and a link-local
/// address on loopback, which has none. Nothing leaves the machine.
pub(super) fn returns_an_immediate_error(exam: &Exam, connect: Connect) -> Verdict {
    let broadcast = SocketAddr::from(([127, 255, 255, 255], 9));
    fails_immediately(exam, connect, broadcast)?;
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        return Ok(()); // a machine without IPv6
    }
    let ip = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    fails_immediately(exam, connect, SocketAddrV6::new(ip, 9, 0, LOOPBACK).into())
}

fn fails_immediately(exam: &Exam, connect: Connect, addr: SocketAddr) -> Verdict {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None);
    let socket = or_skip("make a socket", socket)?;
    let flag = socket.set_nonblocking(true);
    or_skip("make a socket non-blocking", flag)?;
    let kind = match socket.connect(&addr.into()) {
        Err(error) if error.raw_os_error() != Some(Errno::EINPROGRESS as i32) => error.kind(),
        _ => return Err(CheckError::skipped(format!("{addr} can be dialed"))),
    };
    exam.step(format!(
        "{addr}: it cannot be dialed, connect fails with {kind:?}"
    ));
    let cancel = Cancel::new()?;
    let call = Call::begin(exam, connect, addr, AMPLE, &cancel)?;
    call.fails(kind, "when connect fails immediately", hangs::never_ends)
}
