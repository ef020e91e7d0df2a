//! Writes all of its buffer, whatever the read returned.
//!
//! rejected by: passes the bytes on unchanged
//! cause: Write `&buf[..n]`

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    thread,
};

pub fn relay(client: TcpStream, server: TcpStream) -> io::Result<(u64, u64)> {
    thread::scope(|scope| {
        let there = scope.spawn(|| one_way(&client, &server));
        let back = one_way(&server, &client);
        let there = there.join().unwrap();
        Ok((there?, back?))
    })
}

fn one_way(mut from: &TcpStream, mut to: &TcpStream) -> io::Result<u64> {
    let (mut buf, mut total) = ([0; 512], 0);
    loop {
        let n = from.read(&mut buf)?;
        if n == 0 {
            to.shutdown(Shutdown::Write)?;
            return Ok(total);
        }
        to.write_all(&buf)?;
        total += n as u64;
    }
}
