//! Exercise 15, done: two copies, and how each of them ended passed on.

use std::{
    io,
    net::{Shutdown, TcpStream},
    process::ExitCode,
    thread,
    time::Duration,
};

use socket2::SockRef;

/// Passes on what each side says to the other until both have ended. Returns how many bytes went to
/// the server and how many to the client.
///
/// The threads borrow the streams: there are no clones to be forgotten, and when this returns, for
/// whatever reason, both threads are joined and both descriptors closed.
pub fn relay(client: TcpStream, server: TcpStream) -> io::Result<(u64, u64)> {
    thread::scope(|scope| {
        let there = scope.spawn(|| one_way(&client, &server));
        let back = one_way(&server, &client);
        let there = there.join().expect("it returns its errors");
        Ok((there?, back?))
    })
}

/// Copies to the end of file, and passes that on; or passes a reset on.
///
/// A thread that is blocked in one connection hears nothing of the other. Where a reset must end a write
/// to a peer that does not read, too, it takes one thread with poll and non-blocking sockets.
///
/// `io::copy` writes what a read has brought before it reads again. A write that waits, because its
/// peer does not read, keeps it from reading: so the window of the sender closes in its turn.
fn one_way(from: &TcpStream, to: &TcpStream) -> io::Result<u64> {
    let copied = io::copy(&mut &*from, &mut &*to);
    // The FIN goes behind the last byte. It fails if `to` has been reset: then its other direction ends
    // with an error too.
    let ended = copied.and_then(|bytes| to.shutdown(Shutdown::Write).and(Ok(bytes)));
    if ended.is_err() {
        abort(from);
        abort(to);
    }
    ended
}

/// Makes an RST of the close to come, and lets a read that waits return now. Nothing is sent before
/// the RST: behind a FIN it would come too late, for the peer would have taken what it has for all.
fn abort(stream: &TcpStream) {
    // Both fail only for a connection that is over.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
    let _ = stream.shutdown(Shutdown::Read);
}

fn main() -> ExitCode {
    workshop::checks::proxy::SUITE.examine(relay)
}
