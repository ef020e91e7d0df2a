//! Panics when one side resets its connection.
//!
//! rejected by: passes on a reset that a read returns
//! cause: turn it into a panic

use std::{
    io,
    net::{Shutdown, TcpStream},
    thread,
};

pub fn relay(client: TcpStream, server: TcpStream) -> io::Result<(u64, u64)> {
    thread::scope(|scope| {
        let there = scope.spawn(|| one_way(&client, &server));
        let back = one_way(&server, &client);
        Ok((there.join().unwrap(), back))
    })
}

fn one_way(from: &TcpStream, to: &TcpStream) -> u64 {
    let copied = io::copy(&mut &*from, &mut &*to).unwrap(); // panics here
    to.shutdown(Shutdown::Write).unwrap();
    copied
}
