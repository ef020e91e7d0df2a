//! The check that is about the lock: a client that says nothing, and one that does not read.

use super::{ServeClient, Server, asks, cause, deaf, is_read};

use crate::exam::{Because, Exam, Verdict};

pub(super) fn is_not_held_while_it_waits(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let server = Server::new(exam, serve_client);
    let (silent, _serving) = server.client()?;
    let silent = silent.named("silent client");
    asks(&silent, "PUT color red", "OK")?;
    asks(&silent, "GET color", "VALUE red")?; // whatever this locks it can lock
    asks(&silent, &format!("PUT big {}", "x".repeat(1000)), "OK")?;
    silent.send(b"GET col")?;
    is_read(exam, &silent)?;
    server
        .tells_another("color", "red")
        .because(cause::locks_while_it_reads)?;

    let mut waits = true;
    for request in ["GET big", "GET nothing", "PUT color red"] {
        let (deaf, pouring, serving) = deaf::client(server, request)?;
        waits = waits && deaf::is_waited_for(exam, &deaf)?; // where it does not, it need not be seen twice
        server
            .tells_another("color", "red")
            .because(cause::locks_while_it_writes)?;
        deaf.close();
        drop(pouring); // the last handle: its write fails now
        serving.comes_to_its_end()?; // or not: that is for another check
    }
    silent.send(b"or\n")?;
    silent.receives(b"VALUE red\n")
}
