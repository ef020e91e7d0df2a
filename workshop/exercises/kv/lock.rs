//! The checks that are about the lock: a client that is silent, one that does not read, and one
//! that has said QUIT and does not close.

use super::{ServeClient, Server, asks, cause, deaf, is_read};

use crate::exam::{Because, Exam, Verdict, numbered};

pub(super) fn not_while_it_reads(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let server = Server::new(exam, serve_client);
    let (silent, _serving) = server.client()?;
    let silent = silent.named("silent client");
    asks(&silent, "PUT color red", "OK")?;
    asks(&silent, "GET color", "VALUE red")?; // whatever this locks it can lock
    silent.send(b"GET col")?;
    is_read(exam, &silent)?;
    server
        .tells_another("color", "red")
        .because(cause::locks_while_it_reads)?;
    silent.send(b"or\n")?;
    silent.receives(b"VALUE red\n")
}

pub(super) fn not_while_it_writes(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let server = Server::new(exam, serve_client);
    let (first, _serving) = server.client()?;
    let first = first.named("first client");
    asks(&first, "PUT color red", "OK")?;
    let value = String::from_utf8(numbered(1000)).expect("numbers are text");
    asks(&first, &format!("PUT big {value}"), "OK")?;
    let mut waits = true;
    for request in ["GET big", "GET nothing", "PUT color red"] {
        let (deaf, pouring, serving) = deaf::client(server, request)?;
        // Where it does not wait, that need not be seen twice.
        waits = waits && deaf::is_waited_for(exam, &deaf)?;
        server
            .tells_another("color", "red")
            .because(cause::locks_while_it_writes)?;
        deaf.close();
        drop(pouring); // the last handle: its write fails now
        serving.comes_to_its_end()?; // or not: that is for another check
    }
    asks(&first, "GET color", "VALUE red")
}

pub(super) fn not_after_quit(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let server = Server::new(exam, serve_client);
    let (silent, _serving) = server.client()?;
    let silent = silent.named("client that does not close");
    asks(&silent, "PUT color red", "OK")?;
    silent.send(b"QUIT\n")?;
    silent.ends().because(cause::goes_on_after_quit)?;
    exam.comes_to_rest()?;
    server
        .tells_another("color", "red")
        .because(cause::locks_while_it_reads)
}
