//! Exercise 17: datagrams. Nobody says whether one has arrived. Who must know waits for an answer, and
//! asks again.
//!
//! Build the call by which a client asks a server over a link that loses datagrams, repeats them and
//! changes their order: one question, sent until its answer has come.
//!
//! The rules it is held to:
//! - a datagram is a number, in 4 bytes, the highest first, and then a text, of any bytes or none. What
//!   is sent is `number` and `request`. The answer is the first datagram that comes with the same
//!   number; its text is returned. A datagram has, over IPv4, up to 65 507 bytes, the number's among
//!   them;
//! - while the answer has not come, the same is sent again: 50 ms after the first time, 100 ms after
//!   the second, 200 ms after the third, and so on, twice as long each time;
//! - datagrams with other numbers (late answers to earlier questions, perhaps), and those that are too
//!   short to have one, are dropped. They neither put off nor bring about that it is sent again;
//! - when `limit` has passed since the call, and not earlier, it returns `TimedOut`, whatever has come
//!   meanwhile; also when the limit is zero;
//! - an error of the kernel's is returned as it is, and at once: `ConnectionRefused`, for nobody is
//!   there, or EMSGSIZE, for the request is too large. A signal is no reason to give up;
//! - while nothing comes its thread waits in the kernel, and does not run;
//! - however it returns, the socket is as it was: the same read timeout, connected, blocking.
//!
//! The socket is connected to the server, and blocks.
//!
//! How to go on:
//!
//!     cargo workshop check datagrams       examines it; so does  cargo test -p exercises --test datagrams
//!     cargo workshop hint datagrams        helps, a little more each time
//!     cargo run --example datagrams        is the lesson

use std::{io, net::UdpSocket, process::ExitCode, time::Duration};

/// Asks until the answer to this number has come, and returns its text.
pub fn ask(
    socket: &UdpSocket,
    request: &[u8],
    number: u32,
    limit: Duration,
) -> io::Result<Vec<u8>> {
    let _ = (socket, request, number, limit);
    todo!("send the number and the request; then receive, until a datagram has the same number")
}

fn main() -> ExitCode {
    workshop::checks::datagrams::SUITE.examine(ask)
}
