//! Exercise 20: handshake. The state of an end is in no segment. It follows from those that it has sent
//! and heard: from their flags, and from their numbers.
//!
//! You get a capture that was taken at one end: what it has sent, and what has reached it. Say its state
//! after each segment, as its kernel's table would show it.
//!
//! The rules it is held to:
//! - before the first segment the end is CLOSED, in Rust `Close`; one that hears a SYN then was
//!   listening. A segment is the end's own if `from` is `local`;
//! - the answer has one state for each segment, the state after it;
//! - the states are those of RFC 9293, 3.3.2, figure 5. Captures in which both ends open at once, or
//!   close at once, are among them;
//! - a FIN is acknowledged by the number behind it, and by no smaller one. One segment may bring an
//!   ACK, data and a FIN;
//! - segments are lost on the way, come twice, in other pieces the second time, and overtake each
//!   other. A FIN counts when all that stands before it has come;
//! - a reset, sent or heard, ends the connection: all captures have only such as are valid;
//! - sequence numbers are real ones: they begin anywhere, and behind 4294967295 comes 0. What is under
//!   way is always less than 2^31.
//!
//! What programs call is not on the wire: a FIN counts when it is sent. TIME_WAIT does not end here.
//!
//! How to go on:
//!
//!     cargo workshop check handshake    examines it; so does  cargo test -p exercises --test handshake
//!     cargo workshop hint handshake     helps, a little more each time
//!     cargo run --example handshake     is the lesson

use socket_workshop::table::State;
use std::{net::SocketAddr, process::ExitCode};
use wire::segment::Segment;

/// The states of the end with this address, one after each segment that it has sent or heard.
pub fn states(local: SocketAddr, segments: &[Segment]) -> Vec<State> {
    let _ = (local, segments);
    todo!("what must an end remember of the segments so far, besides its state?")
}

fn main() -> ExitCode {
    workshop::checks::handshake::SUITE.examine(states)
}
