//! Shuts down both halves of the other connection.
//!
//! rejected by: passes on the client's end of file
//! cause: An end of file ends one direction only

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
    let copied = io::copy(&mut &*from, &mut &*to);
    let ended = copied.and_then(|bytes| to.shutdown(Shutdown::Both).and(Ok(bytes)));
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
