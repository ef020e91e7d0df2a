//! Exercise 9: states. The state of an end says which FINs have passed; whoever can send a FIN, hold
//! one back and let one through can bring a connection anywhere.
//!
//! You get both ends of a connection, ESTABLISHED, and two states. Bring the client into the first
//! and the server into the second, and keep them there. The kernel decides.
//!
//! The rules it is held to:
//! - of the pairs that will be asked for these can be reached, where `Close` is CLOSED: the kernel has
//!   no row;
//!
//!       FinWait2  CloseWait      FinWait1  Established      TimeWait  TimeWait
//!       FinWait2  LastAck        FinWait1  FinWait1         TimeWait  Close
//!       FinWait2  Closing                                   Close     Close
//!
//!   each of them also the other way round;
//! - when `bring` returns, the kernel shows these states, at once or as soon as the segments under way
//!   have arrived, and goes on to show them;
//! - what must stay open for that is handed back: first the client, then the server. You may hand back
//!   more than must stay open; `None` is only for an end that you have closed, and nothing else of the
//!   connection remains open;
//! - there may be bytes that nobody has read, at both ends. They may be thrown away;
//! - for a pair in which no connection can be, such as CloseWait and CloseWait, which will be asked for
//!   too: `InvalidInput`.
//!
//! The buffers of both ends are small: 64 KiB never fit in, even if the other end's are empty.
//!
//! How to go on:
//!
//!     cargo workshop check states       examines it; so does  cargo test -p exercises --test states
//!     cargo workshop hint states        helps, a little more each time
//!     cargo run --example states        is the lesson

use socket_workshop::table::State;
use std::{io, net::TcpStream, process::ExitCode};

/// Brings the ends of a connection into these states, the client's first. Returns what stays open.
pub fn bring(
    client: TcpStream,
    server: TcpStream,
    states: (State, State),
) -> io::Result<(Option<TcpStream>, Option<TcpStream>)> {
    let _ = (client, server, states);
    todo!("which FIN must have been sent for each of the two states, and which must not have come?")
}

fn main() -> ExitCode {
    workshop::checks::states::SUITE.examine(bring)
}
