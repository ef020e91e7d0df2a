//! Copies one direction to its end before it serves the other.
//!
//! rejected by: passes on what either side sends
//! cause: waits for something else

use std::{
    io,
    net::{Shutdown, TcpStream},
};

pub fn relay(client: TcpStream, server: TcpStream) -> io::Result<(u64, u64)> {
    let there = io::copy(&mut &client, &mut &server)?; // hangs here
    server.shutdown(Shutdown::Write)?;
    let back = io::copy(&mut &server, &mut &client)?;
    client.shutdown(Shutdown::Write)?;
    Ok((there, back))
}
