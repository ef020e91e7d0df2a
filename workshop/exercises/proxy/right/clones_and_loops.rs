//! Threads that own clones, and a loop instead of `io::copy`.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    thread,
    time::Duration,
};

use socket2::SockRef;

pub fn relay(client: TcpStream, server: TcpStream) -> io::Result<(u64, u64)> {
    let (from, to) = (client.try_clone()?, server.try_clone()?);
    let there = thread::Builder::new().spawn(move || one_way(from, to))?;
    let back = one_way(server, client);
    let there = there.join().map_err(|_| io::Error::other("panicked"))?;
    Ok((there?, back?))
}

fn one_way(mut from: TcpStream, mut to: TcpStream) -> io::Result<u64> {
    let ended = copy(&mut from, &mut to);
    if ended.is_err() {
        for stream in [&from, &to] {
            let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
            let _ = stream.shutdown(Shutdown::Read);
        }
    }
    ended
}

fn copy(from: &mut TcpStream, to: &mut TcpStream) -> io::Result<u64> {
    let (mut buf, mut total) = (vec![0; 100_000], 0);
    loop {
        match from.read(&mut buf)? {
            0 => break,
            n => {
                to.write_all(&buf[..n])?;
                total += n as u64;
            }
        }
    }
    to.shutdown(Shutdown::Write)?;
    Ok(total)
}
