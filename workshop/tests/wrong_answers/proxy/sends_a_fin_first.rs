//! Shuts down both connections before the close that is to reset them.
//!
//! rejected by: passes on a reset that a read returns
//! cause: comes too late

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
    let ended = copied.and_then(|bytes| to.shutdown(Shutdown::Write).and(Ok(bytes)));
    if ended.is_err() {
        for stream in [from, to] {
            let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
    ended
}
