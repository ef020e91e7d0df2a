//! Gets the reset in one thread, and waits for the other one.
//!
//! rejected by: passes on a reset that a read returns
//! cause: end the other direction

use std::{
    io,
    net::{Shutdown, TcpStream},
    thread,
};

pub fn relay(client: TcpStream, server: TcpStream) -> io::Result<(u64, u64)> {
    thread::scope(|scope| {
        let there = scope.spawn(|| one_way(&client, &server));
        let back = one_way(&server, &client);
        let there = there.join().expect("it returns its errors");
        Ok((there?, back?))
    })
}

fn one_way(from: &TcpStream, to: &TcpStream) -> io::Result<u64> {
    let copied = io::copy(&mut &*from, &mut &*to)?; // hangs here
    to.shutdown(Shutdown::Write)?;
    Ok(copied)
}
