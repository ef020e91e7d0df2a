//! Slow: two system calls for every sixteen bytes.

use std::{
    io::{self, Read, Write},
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
    let ended = copy(from, to);
    if ended.is_err() {
        abort(from);
        abort(to);
    }
    ended
}

fn copy(mut from: &TcpStream, mut to: &TcpStream) -> io::Result<u64> {
    let (mut bytes, mut total) = ([0; 16], 0);
    while let n @ 1.. = from.read(&mut bytes)? {
        to.write_all(&bytes[..n])?;
        total += n as u64;
    }
    to.shutdown(Shutdown::Write)?;
    Ok(total)
}

fn abort(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
    let _ = stream.shutdown(Shutdown::Read);
}
