//! Drops a clone instead of shutting down, which sends no FIN.
//!
//! rejected by: passes on the client's end of file
//! cause: dropping one of several handles

use std::{io, net::TcpStream, thread};

pub fn relay(client: TcpStream, server: TcpStream) -> io::Result<(u64, u64)> {
    let (client2, server2) = (client.try_clone()?, server.try_clone()?);
    let there = thread::spawn(move || one_way(client, server));
    let back = one_way(server2, client2);
    Ok((there.join().unwrap()?, back?))
}

fn one_way(mut from: TcpStream, mut to: TcpStream) -> io::Result<u64> {
    let copied = io::copy(&mut from, &mut to); // hangs here
    drop(to); // as it would be at the end of this function
    copied
}
