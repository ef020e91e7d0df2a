//! Exercise 9: states
//!
//! The state of an end says which FINs have been sent, received and acknowledged. If you can send a
//! FIN, hold one back and let one through, you can bring a connection into any state. You get both
//! ends of a connection, ESTABLISHED, and a pair of states: the first for the client, the second
//! for the server.
//!
//!     FinWait2  CloseWait      FinWait1  Established      TimeWait  TimeWait
//!     FinWait2  LastAck        FinWait1  FinWait1         TimeWait  Close
//!     FinWait2  Closing                                   Close     Close
//!
//! Close is CLOSED: the kernel has no row for that end.
//!
//! Core rules (about 30 minutes):
//!   1. For each pair of the table, bring the client into the first state and the server into the
//!      second.
//!   2. Do the same for each pair the other way round.
//!   3. When the segments under way have arrived, the kernel must show these states, and go on
//!      showing them for a minute. (That is how long TIME_WAIT lasts.)
//!   4. Return the ends that must stay open for that: first the client, then the server. You may
//!      return more than must stay open.
//!
//! Hardened rules (about 15 minutes more):
//!   5. There may be unread bytes at both ends, up to 4000 at each. Reach the same states; you may
//!      discard the bytes.
//!   6. For a pair in which no connection can be, such as CloseWait and CloseWait, return
//!      InvalidInput.
//!   7. Return the ends with their options unchanged: blocking and without timeouts.
//!   8. On every path out, leave no thread, and no descriptor except those that you return.
//!
//! The checks ask only for the pairs of the table, both ways round, and for impossible pairs (rule
//! 6). The buffers of both ends are small: a write of 64 KiB never fits, even if the other end's
//! buffers are empty.
//!
//! How to go on:
//!
//!     cargo workshop check states       checks it; so does  cargo test -p exercises --test states
//!     cargo workshop hint states        helps, a little more each time
//!     cargo run --example states        runs the lesson

use socket_workshop::table::State;
use std::{io, net::TcpStream, process::ExitCode};

/// Brings the ends of a connection into these states, the client's first. Returns what stays open.
pub fn bring(
    client: TcpStream,
    server: TcpStream,
    states: (State, State),
) -> io::Result<(Option<TcpStream>, Option<TcpStream>)> {
    let _ = (client, server, states);
    todo!(
        "which FIN must have been sent for each of the two states, and which must not have arrived?"
    )
}

fn main() -> ExitCode {
    workshop::checks::states::SUITE.examine(bring)
}
