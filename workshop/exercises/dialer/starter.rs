//! Exercise 2: dialer. A name has several addresses, often of both families, and its server may be
//! at one of them only: one refuses, one says nothing, one answers.
//!
//! Build the dialer: a connection to the first of the addresses that answers, by one limit for all
//! of them, or an error that tells what each of them did.
//!
//! The rules it is held to:
//! - the addresses are in order of preference: the next is dialed when the one before it has failed,
//!   or has been silent for at least 100 ms, or for its share of a limit that is too short for that.
//!   It is the caller's order, whatever the families. Once one answers, none is dialed any more;
//! - refused is an answer: go on at once, and do not dial that address again;
//! - `limit` is for all addresses together. A silent one may have a share of it, so that there is
//!   time for those behind it; one that is alone is waited for to the end of the limit. Otherwise how
//!   you share it out is up to you, and attempts may overlap;
//! - if no address answers, the error names each as `{}` prints it, and tells what each one did:
//!   refused and silent are two different things. It is of the kind of the last address in the list:
//!   `ConnectionRefused` if that one refused, `TimedOut` if it was silent until there was no time;
//! - a limit that is over before anything could answer, zero too, is `TimedOut`; no address at all is
//!   `InvalidInput`. Neither is a reason to panic;
//! - what it gives back is a blocking stream with no timeout set, and nothing else is left when it
//!   returns, whether it has failed or not: no descriptor, no thread, no attempt under way.
//!
//! How to go on:
//!
//!     cargo workshop check dialer     examines it; so does  cargo test -p exercises --test dialer
//!     cargo workshop hint dialer      helps, a little more each time
//!     cargo run --example dialer      is the lesson

use std::{
    io,
    net::{SocketAddr, TcpStream},
    process::ExitCode,
    time::Duration,
};

/// Connects to the first of the addresses that answers, within one limit for all of them.
pub fn dial(addrs: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    let _ = (addrs, limit);
    todo!("dial one address after the other, each for a share of the time that remains")
}

fn main() -> ExitCode {
    workshop::checks::dialer::SUITE.examine(dial)
}
