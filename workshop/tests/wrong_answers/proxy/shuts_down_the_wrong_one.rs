//! Shuts down the connection from which the end of file came.
//!
//! rejected by: passes on the client's end of file
//! cause: Shut down the sending half of the connection to

use std::{
    io,
    net::{Shutdown, TcpStream},
    thread,
    time::Duration,
};

use socket2::SockRef;

pub fn relay(client: TcpStream, server: TcpStream) -> io::Result<(u64, u64)> {
    thread::scope(|scope| {
        let there = scope.spawn(|| one_way(&client, &server));
        let back = one_way(&server, &client);
        let there = there.join().unwrap();
        Ok((there?, back?))
    })
}

fn one_way(from: &TcpStream, to: &TcpStream) -> io::Result<u64> {
    let copied = io::copy(&mut &*from, &mut &*to); // hangs here
    let ended = copied.and_then(|bytes| from.shutdown(Shutdown::Write).and(Ok(bytes)));
    if ended.is_err() {
        abort(from);
        abort(to);
    }
    ended
}

fn abort(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
    let _ = stream.shutdown(Shutdown::Read);
}
