//! Exercise 20: handshake
//!
//! Write the part of a network analyser that follows a connection. You get the segments that one
//! end has sent and received, captured at that end. Return its state after each of them, as the
//! table of its kernel would show it. No segment says the state: it follows from the flags and
//! numbers of all of them.
//!
//! Core rules (about 30 minutes):
//!   1. Return one state for each segment, in their order: the state after it.
//!   2. The end has sent a segment if `from` equals `local`, both the address and the port. It has
//!      received every other one.
//!   3. Begin with CLOSED (`State::Close`) and follow the state diagram of RFC 9293, 3.3.2,
//!      figure 5. If an end receives a SYN while you have it in CLOSED, it was listening.
//!   4. A FIN that the end sends counts at once. It is acknowledged by the number after it, and by
//!      no smaller one.
//!   5. One segment may carry an ACK, data and a FIN. Apply the ACK first, then the FIN.
//!   6. A reset, sent or received, ends the connection in every state: CLOSED.
//!
//! Hardened rules (about 30 minutes more):
//!   7. Both ends may open at once, both may close at once, and an end may close before it is
//!      ESTABLISHED.
//!   8. A received FIN counts when all bytes before it have arrived. Segments overtake each other,
//!      and lost data may come again in other pieces.
//!   9. A segment that is sent or received again does not change the state. No timer ends TIME_WAIT
//!      here.
//!   10. Sequence numbers may begin at any value, and 0 follows 4294967295.
//!   11. Flags other than SYN, ACK, FIN and RST do not change the state.
//!   12. The result depends on the arguments only.
//!
//! Out of scope: resets that are not valid, the reset that an end in SYN_SENT sends when a wrong ACK
//! comes (it stays in SYN_SENT), data in a SYN, and more than 2^30 bytes under way (the largest
//! window).
//!
//! `Segment` is in wire/src/segment.rs, `State` in src/table/state.rs.
//!
//! How to go on:
//!
//!     cargo workshop check handshake    checks it; so does  cargo test -p exercises --test handshake
//!     cargo workshop hint handshake     helps, a little more each time
//!     cargo run --example handshake     runs the lesson

use socket_workshop::table::State;
use std::{net::SocketAddr, process::ExitCode};
use wire::segment::Segment;

/// The states of the end with this address, one after each segment that it has sent or received.
pub fn states(local: SocketAddr, segments: &[Segment]) -> Vec<State> {
    let _ = (local, segments);
    todo!("what must an end remember of the segments so far, besides its state?")
}

fn main() -> ExitCode {
    workshop::checks::handshake::SUITE.examine(states)
}
