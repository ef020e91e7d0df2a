//! A client that sends requests and reads no answer: sooner or later a write to it has to wait.

use std::net::TcpStream;

use socket_workshop::table::{End, State, Table, TimerKind};

use super::{Server, Serving};

use crate::exam::{Buffers, Call, CheckError, Doing, Exam, Peer, Pouring, Verdict, or_skip};

/// The client's receive buffer and the server's send buffer, in bytes. The kernel doubles it.
const SMALL: usize = 4096;

/// How many requests it sends. The answer to each may have three bytes only, and they have to fill
/// both buffers.
const REQUESTS: usize = 20_000;

/// So few that all of them, and the FIN, have room in the server's receive buffer.
const FEW: usize = 1000;

/// A client that sends the same request again and again, and the thread that serves it.
pub(super) fn client<'e>(
    server: Server<'e>,
    request: &str,
) -> Verdict<(Peer<'e>, Pouring, Serving<'e>)> {
    let (client, stream) = connection(server.exam)?;
    let serving = server.serves(stream)?;
    let pouring = client.pours(format!("{request}\n").repeat(REQUESTS).into_bytes())?;
    Ok((client, pouring, serving))
}

/// The same, and the client's FIN has come after the last request before the first is answered. The
/// answer to each must be long.
pub(super) fn client_that_has_closed<'e>(
    server: Server<'e>,
    request: &str,
) -> Verdict<(Peer<'e>, Serving<'e>)> {
    let (client, stream) = connection(server.exam)?;
    client.send(format!("{request}\n").repeat(FEW).as_bytes())?;
    client.half_close()?;
    let end = or_skip("read an address", End::of(&stream))?;
    let is_there = |table: &Table| {
        let row = table.find(end)?;
        (row.state == State::CloseWait).then_some(())
    };
    let seen = server.exam.table_shows(is_there)?;
    seen.ok_or_else(|| CheckError::skipped("a FIN does not arrive here"))?;
    Ok((client, server.serves(stream)?))
}

fn connection(exam: &Exam) -> Verdict<(Peer<'_>, TcpStream)> {
    let (client, stream) = exam.connection_with(Buffers::back(SMALL))?;
    Ok((client.named("client that does not read"), stream))
}

/// Waits until the client's buffer is full, for which the kernel probes, and the server's own too,
/// for which its thread waits in a write; says whether it does. An answer may wait in other ways.
pub(super) fn is_waited_for(exam: &Exam, client: &Peer<'_>) -> Verdict<bool> {
    let server = or_skip("read the client's address", End::of(client.stream()))?.other();
    // How much is queued, once the peer has no window: what there is room for goes out with a
    // probe.
    let queued = |table: &Table| {
        let row = table.find(server)?;
        let probes = row
            .timer
            .is_some_and(|timer| timer.kind == TimerKind::WindowProbe);
        let closed = row.window.is_none_or(|window| window == 0);
        (probes && closed).then_some(row.send_q)
    };
    let writes = |doing: &Doing| {
        matches!(
            doing,
            Doing::Blocked {
                call: Call::Write,
                ..
            }
        )
    };
    let mut before = None;
    let waits = exam.comes_true(|| {
        let now = queued(&exam.table_with_info()?);
        let stays = now.is_some() && now == before;
        before = now;
        Ok(stays && exam.evidence().threads.iter().any(writes))
    })?;
    if waits {
        exam.step("its receive buffer and your send buffer are full: you wait in a write");
    }
    Ok(waits)
}
