//! Exercise 21: servers
//!
//! Build a server that needs one thread for any number of clients. Its service is that of the
//! program `rev`: it sends each line back in reverse order. `stop` is a descriptor that becomes
//! readable when the server must stop. Never read from it.
//!
//! Core rules (about 40 minutes):
//!   1. Send each line back as soon as its newline has arrived: the bytes before the newline in
//!      reverse order, then the newline. Any other byte is part of a line.
//!   2. Serve all clients on the calling thread. A client that is silent, or has sent a part of a
//!      line, delays no other client.
//!   3. A client that does not read its answers delays no other client. When it reads again, it
//!      gets all of them.
//!   4. When a client half-closes, send the answers that are left, then close its connection. Bytes
//!      without a newline get no answer.
//!   5. A reset ends the connection of that client only.
//!   6. When `stop` becomes readable, return Ok, even if clients are still connected.
//!
//! Hardened rules (about 30 minutes more):
//!   7. While nothing can be done, wait in the kernel without a timeout: also while a client does
//!      not read its answers, and when that client has half-closed.
//!   8. Hold at most 1 MiB for a client. If it does not read its answers, leave what it sends in
//!      the kernel.
//!   9. Serve lines of up to 64 KiB, not counting the newline. Close the connection of a client
//!      that sends a longer one, as soon as it is too long.
//!   10. Continue after a signal.
//!   11. Close each connection when it is over, and leave no descriptor open when `serve` returns.
//!
//! Answers that are left at the stop, or when a line is too long, need not be sent.
//!
//! Errors of accept are the subject of exercise `listener`, not of this one. You may return any
//! error if accept or poll fails for another reason than those above.
//!
//! How to go on:
//!
//!     cargo workshop check servers    checks it; so does  cargo test -p exercises --test servers
//!     cargo workshop hint servers     helps, a little more each time
//!     cargo run --example servers     runs the lesson

use std::{io, net::TcpListener, process::ExitCode};

use socket_workshop::stop::Stop;

/// Sends each line of each client back in reverse order, until `stop` is readable (it is `AsFd`).
pub fn serve(listener: TcpListener, stop: Stop) -> io::Result<()> {
    let _ = (listener, stop);
    todo!(
        "make every socket non-blocking, wait for all of them in one poll, and keep for each \
         client what is unfinished: a part of a line, a part of an answer"
    )
}

fn main() -> ExitCode {
    workshop::checks::servers::SUITE.examine(serve)
}
