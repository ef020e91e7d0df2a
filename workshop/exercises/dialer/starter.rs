//! Exercise 2: dialer
//!
//! A name has several addresses, often of both families, and its server may be on only one of
//! them: one address refuses, one is silent, one answers. Write `dial`: connect to the first
//! address that answers, within one limit for all, or return an error that says what each address
//! did. In these rules an address answers if it accepts the connection: a refusal does not count.
//!
//! Core rules (about 30 minutes):
//!   1. Dial the addresses in the given order, whatever their families. Return a connection to
//!      the first that answers.
//!   2. When an address refuses or is unreachable, dial the next immediately. Do not dial it
//!      again.
//!   3. `limit` is for all addresses together: leave time for the addresses after a silent one.
//!   4. Return when the limit is over, however many addresses are silent.
//!   5. If no address answers, return the kind of the last address's error: ConnectionRefused if
//!      it refused, TimedOut if it was silent.
//!   6. Name each address in the error's text, as `{}` prints it, and say whether it refused or
//!      was silent.
//!
//! Hardened rules (about 45 minutes more):
//!   7. Wait at least 100 ms for a silent address before you dial the next. If its equal share of
//!      the limit is shorter, that share is enough.
//!   8. If there is only one address, wait for it until the limit is over.
//!   9. Once an address has answered, dial nothing more.
//!   10. If the limit is zero, or too short for an answer, return TimedOut immediately.
//!   11. Accept every limit up to Duration::MAX.
//!   12. If the list is empty, return InvalidInput.
//!   13. Return a blocking stream: no O_NONBLOCK, no timeout, no SO_LINGER.
//!   14. Leave nothing else, also after an error: no descriptor, no thread, no attempt under way.
//!
//! You decide how to share the limit beyond these rules, and attempts may overlap. With a share
//! below 1 s, one lost SYN makes an address fail, because the kernel sends the SYN again only after
//! 1 s. Attempts that overlap do not have this problem (RFC 8305).
//!
//! How to go on:
//!
//!     cargo workshop check dialer     checks it; so does  cargo test -p exercises --test dialer
//!     cargo workshop hint dialer      helps, a little more each time
//!     cargo run --example dialer      runs the lesson

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
