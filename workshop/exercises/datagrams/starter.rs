//! Exercise 17: datagrams
//!
//! UDP does not report whether a datagram has arrived. A client that needs an answer waits for it,
//! and sends its question again when none comes. Build that call, for a link that loses datagrams,
//! repeats them and changes their order. The socket is connected to the server and blocking.
//!
//! A datagram is a number (4 bytes, the highest first) and a text (any bytes, or none). With the
//! number it has at most 65 507 bytes, because the socket is an IPv4 socket.
//!
//! Core rules (about 30 minutes):
//!   1. Send `number` and `request` in one datagram.
//!   2. Return the text of the first datagram with the same number, as soon as it arrives.
//!   3. Drop every other datagram, with another number or with fewer than 4 bytes, and wait on.
//!   4. While no answer arrives, send the same datagram again: 50 ms after the first time, 100 ms
//!      after the second, 200 ms after the third, and so on. Each pause is twice the one before.
//!   5. When `limit` has passed since the call, return TimedOut. Do not return it earlier.
//!
//! Hardened rules (about 30 minutes more):
//!   6. Accept an answer of any size.
//!   7. A dropped datagram must not change the times of rule 4.
//!   8. Return TimedOut at the limit even while other datagrams arrive, and in the middle of a
//!      pause.
//!   9. Accept any `limit` up to `Duration::MAX`. With a limit of zero, return TimedOut
//!      immediately.
//!   10. Return an error of the kernel immediately and unchanged, such as ECONNREFUSED or EMSGSIZE.
//!   11. A signal is not an error. It must not change the times of rule 4.
//!   12. While nothing arrives, wait in the kernel. Do not use CPU time.
//!   13. Leave the socket as it was, after an error too: its options, its timeouts and its
//!      addresses.
//!   14. When the call returns, leave no thread and no descriptor, after an error too.
//!
//! Linux returns ECONNREFUSED here because the socket is connected. On a socket that is not, it
//! would do so with the option IP_RECVERR only (ip(7)).
//!
//! How to go on:
//!
//!     cargo workshop check datagrams   checks it; so does  cargo test -p exercises --test datagrams
//!     cargo workshop hint datagrams    helps, a little more each time
//!     cargo run --example datagrams    runs the lesson

use std::{io, net::UdpSocket, process::ExitCode, time::Duration};

/// Asks until the answer with this number arrives, and returns its text.
pub fn ask(
    socket: &UdpSocket,
    request: &[u8],
    number: u32,
    limit: Duration,
) -> io::Result<Vec<u8>> {
    let _ = (socket, request, number, limit);
    todo!("send the number and the request; then receive until a datagram has the same number")
}

fn main() -> ExitCode {
    workshop::checks::datagrams::SUITE.examine(ask)
}
