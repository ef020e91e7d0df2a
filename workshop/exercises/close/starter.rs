//! Exercise 8: close. What `write` has taken has not arrived, and the close behind it can lose it.
//!
//! Build the last words of a server: send a large answer on a connection and close it, so that all of
//! the answer arrives, although the peer has said things that nobody has read, and is still talking.
//!
//! The rules it is held to:
//! - all of `bytes` arrives, and behind it the end of file, a FIN and never a RST. That may be far
//!   more than the kernels' buffers hold. The FIN does not wait for the peer's: the peer may wait for
//!   ours;
//! - what the peer has said and goes on saying is read and thrown away, to its end of file. The peer
//!   may have sent its end of file before the first byte of the answer: it reads all the same;
//! - then the connection is closed, and `answer` returns Ok: all is sent, and the peer has closed.
//!   It does not return before the peer's end of file, and not long after it. If that came first, it
//!   returns when all is written; to wait until all is acknowledged is right, too;
//! - if that has not come `limit` after the call, it returns `TimedOut` then, and not earlier: also
//!   if the peer reads too little for the answer to be sent, and whatever it says or reads now and
//!   then. Nobody knows then whether all has arrived. A signal is no reason to give up;
//! - a reset by the peer is returned as the kernel's error: `ConnectionReset` or `BrokenPipe`. A
//!   `shutdown` that comes after the RST says only `NotConnected`, and `take_error` what it was;
//! - whatever it returns, the descriptor is closed by then.
//!
//! Limits are an hour at most: `Instant::now() + limit` does not overflow.
//!
//! The peer reads while it talks: you may read while you write, or only afterwards. (For one that
//! reads only when it has said everything you would have to do both at once: lesson `proxy`.)
//!
//! How to go on:
//!
//!     cargo workshop check close       examines it; so does  cargo test -p exercises --test close
//!     cargo workshop hint close        helps, a little more each time
//!     cargo run --example close        is the lesson

use std::{io, net::TcpStream, process::ExitCode, time::Duration};

/// Sends an answer, and closes so that all of it arrives.
pub fn answer(stream: TcpStream, bytes: &[u8], limit: Duration) -> io::Result<()> {
    let _ = (stream, bytes, limit);
    todo!(
        "write it all, say that there is no more, and hear the peer out; all of it by one deadline"
    )
}

fn main() -> ExitCode {
    workshop::checks::close::SUITE.examine(answer)
}
