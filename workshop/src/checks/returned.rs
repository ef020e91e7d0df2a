//! What an answer has returned: a stream, a listener.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};

use socket_workshop::table::{End, State};

use crate::exam::{Because, Exam, Verdict, or_skip};

/// A free port of IPv4's loopback.
pub(super) const LOOPBACK: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));

/// Both halves of the stream's connection are open.
pub(super) fn is_established(exam: &Exam, stream: &TcpStream) -> Verdict {
    let end = or_skip("read the stream's addresses", End::of(stream))?;
    let state = exam.table()?.find(end).map(|row| row.state);
    exam.must(
        state == Some(State::Established),
        "the stream to be ESTABLISHED",
        state.map_or("it has no row".to_owned(), |state| format!("it is {state}")),
    )
}

/// The listener's address is the one that was asked for.
pub(super) fn is_at(exam: &Exam, local: SocketAddr, asked: SocketAddr) -> Verdict {
    let is_it = local.ip() == asked.ip() && [0, local.port()].contains(&asked.port());
    let expected = match asked.port() {
        0 => format!("a listener on {}", asked.ip()),
        _ => format!("a listener on {asked}"),
    };
    exam.must(is_it, expected, format!("it is on {local}"))
        .caused_by(
            "Your code binds another address than its argument. Pass on the argument unchanged: \
             `bind(&addr.into())`.",
        )
}
