//! Exercise 15: proxy. Two connections, and a program between them that is to be as if it were not
//! there: for the bytes, and for how they end.
//!
//! Build what a proxy does for one client: it has accepted `client` and dialed `server`, and now
//! passes on what each says to the other, until both have said all.
//!
//! The rules it is held to:
//! - what has come at one side is passed on before more is waited for, whichever side speaks, and
//!   whatever the other does: one that is silent, or does not read, holds up nothing but what is meant
//!   for it; while nobody speaks, it waits in the kernel;
//! - what cannot be passed on yet waits in the kernel: no more than a megabyte is taken beforehand;
//! - the end of file of one side is passed on as soon as it comes, behind the last byte, and only in its
//!   direction: the other goes on;
//! - when both have ended, `relay` returns how many bytes went to the server and how many to the
//!   client;
//! - when a read or a write tells that one side has reset its connection, `relay` resets the other one
//!   at once, with no end of file before that, and returns an error: any will do, but to panic is no
//!   way to end. (Of two threads two things are forgiven: one writes, and waits for a peer that does
//!   not read; and one's read returns 0, for the other's write has been told of the reset before);
//! - when it has returned both connections are closed, and no thread and no descriptor is left.
//!
//! How to go on:
//!
//!     cargo workshop check proxy      examines it; so does  cargo test -p exercises --test proxy
//!     cargo workshop hint proxy       helps, a little more each time
//!     cargo run --example proxy       is the lesson

use std::{io, net::TcpStream, process::ExitCode};

/// Passes on what each side says to the other until both have ended. Returns how many bytes went to
/// the server and how many to the client.
pub fn relay(client: TcpStream, server: TcpStream) -> io::Result<(u64, u64)> {
    let _ = (client, server);
    todo!(
        "two directions at once: for each a thread, that copies to the end of file and passes it on"
    )
}

fn main() -> ExitCode {
    workshop::checks::proxy::SUITE.examine(relay)
}
