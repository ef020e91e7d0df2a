//! The check that is about the lock: a client that says nothing, and one that does not read.

use socket2::SockRef;

use super::{ServeClient, Server, TO_GET_THERE, asks, cause, is_read};
use crate::{
    deadline::Deadline,
    exam::{Because, Call, Doing, Exam, Peer, Verdict, here},
    table::{End, TimerKind},
};

pub(super) fn is_not_held_while_it_waits(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let server = Server::new(exam, serve_client);
    let (silent, _serving) = server.client()?;
    let silent = silent.named("silent client");
    asks(&silent, "PUT color red", "OK")?;
    asks(&silent, "GET color", "VALUE red")?; // whatever this locks it can lock
    silent.send(b"GET col")?;
    is_read(exam, &silent, Deadline::after(TO_GET_THERE))?;
    server
        .tells_another("color", "red")
        .because(cause::locks_while_it_reads)?;

    let (deaf, stream) = exam.connection()?;
    here(
        "set a buffer's size",
        SockRef::from(&stream).set_send_buffer_size(4096),
    )?;
    let deaf = deaf.named("deaf client");
    let _serving = server.serves(stream)?;
    asks(&deaf, &format!("PUT big {}", "x".repeat(1000)), "OK")?;
    let _pouring = deaf.pours(b"GET big\n".repeat(4096))?;
    is_not_heard(exam, &deaf)?;
    server
        .tells_another("color", "red")
        .because(cause::locks_while_it_writes)?;
    silent.send(b"or\n")?;
    silent.receives(b"VALUE red\n")
}

/// Waits until the client's buffer is full, for which the kernel probes, and the server's own too, for
/// which its thread waits in a write.
fn is_not_heard(exam: &Exam, client: &Peer<'_>) -> Verdict {
    let server = here("read the client's address", End::of(client.stream()))?.other();
    let full = || {
        let table = exam.table().unwrap_or_default();
        let timer = table.find(server).and_then(|row| row.timer);
        let closed_window = timer.is_some_and(|timer| timer.kind == TimerKind::WindowProbe);
        let writes = |doing: &Doing| {
            matches!(
                doing,
                Doing::Blocked {
                    call: Call::Write,
                    ..
                }
            )
        };
        let full = closed_window && exam.evidence().threads.iter().any(writes);
        Ok(full.then_some(()))
    };
    let seen = Deadline::after(TO_GET_THERE).wait_for(full);
    if here("read the socket table", seen)?.is_some() {
        exam.step("its receive buffer and your send buffer are full: you wait in a write");
    }
    Ok(())
}
