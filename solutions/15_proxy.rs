//! Exercise 15, done: two copies, and the end of each passed on.

use std::{
    io,
    net::{Shutdown, TcpStream},
    process::ExitCode,
    thread,
    time::Duration,
};

use socket2::SockRef;

/// Passes on what each side sends to the other until both have ended. Returns how many bytes went
/// to the server and how many to the client.
///
/// The threads borrow the streams, so there are no clones to forget. When this returns, after an
/// error too, both threads are joined and both descriptors closed.
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
/// A thread that is blocked on one connection learns nothing of a reset on the other. If a reset
/// must also end a write to a peer that does not read, use one thread with poll and non-blocking
/// sockets.
///
/// `io::copy` writes what a read has returned before it reads again. While a write waits because
/// its peer does not read, nothing is read, and the window of the sender closes too.
fn one_way(from: &TcpStream, to: &TcpStream) -> io::Result<u64> {
    let copied = io::copy(&mut &*from, &mut &*to);
    // The FIN follows the last byte. `shutdown` fails if `to` was reset: then its other direction
    // ends with an error too.
    let ended = copied.and_then(|bytes| to.shutdown(Shutdown::Write).and(Ok(bytes)));
    if ended.is_err() {
        abort(from);
        abort(to);
    }
    ended
}

/// Turns the later close into a RST, and wakes a read that waits (`shutdown(Read)` does so on
/// Linux). Nothing is sent before the RST: after a FIN it would come too late, because to the peer
/// the data would look complete.
fn abort(stream: &TcpStream) {
    // Both fail only for a connection that has ended.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
    let _ = stream.shutdown(Shutdown::Read);
}

fn main() -> ExitCode {
    workshop::checks::proxy::SUITE.examine(relay)
}
