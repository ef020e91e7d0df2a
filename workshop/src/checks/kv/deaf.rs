//! A client that sends requests and reads no answer: sooner or later a write to it has to wait.

use socket_workshop::{
    deadline::Deadline,
    table::{End, Table, TimerKind},
};
use socket2::SockRef;

use super::{Server, Serving, TO_GET_THERE};

use crate::exam::{Call, Doing, Exam, Peer, Pouring, Verdict, here};

/// How many requests it sends. The answer to each may have three bytes only, and they have to fill the
/// client's receive buffer and the server's send buffer.
const REQUESTS: usize = 100_000;

/// A client that sends the same request again and again, and the thread that serves it.
pub(super) fn client<'e>(
    server: Server<'e>,
    request: &str,
) -> Verdict<(Peer<'e>, Pouring, Serving<'e>)> {
    let (client, stream) = server.exam.connection()?;
    let small = SockRef::from(&stream).set_send_buffer_size(4096);
    here("set SO_SNDBUF", small)?;
    // No less than has been promised to the server: the kernel would throw away what it has no room for.
    let promised = SockRef::from(client.stream()).set_recv_buffer_size(64 << 10);
    here("set SO_RCVBUF", promised)?;
    let client = client.named("deaf client");
    let serving = server.serves(stream)?;
    let pouring = client.pours(format!("{request}\n").repeat(REQUESTS).into_bytes())?;
    Ok((client, pouring, serving))
}

/// Waits until the client's buffer is full, for which the kernel probes, and the server's own too, for
/// which its thread waits in a write; says whether it does. An answer may wait in other ways.
pub(super) fn is_waited_for(exam: &Exam, client: &Peer<'_>) -> Verdict<bool> {
    let server = here("read the client's address", End::of(client.stream()))?.other();
    let full = |table: &Table| {
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
        full.then_some(())
    };
    let waits = exam.table_shows(full)?.is_some();
    if waits {
        exam.step("its receive buffer and your send buffer are full: you wait in a write");
    }
    Ok(waits)
}
