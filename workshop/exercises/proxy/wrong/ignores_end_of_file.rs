//! Treats end of file as "no data yet", and reads again.
//!
//! rejected by: passes on the client's end of file
//! cause: leave the loop

use std::{
    io::{self, Read, Write},
    net::TcpStream,
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
    let mut buf = [0; 4096];
    // spins here
    loop {
        let n = from.read(&mut buf)?; // spins here
        to.write_all(&buf[..n])?; // spins here
    }
}
