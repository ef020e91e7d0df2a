//! `std::io::copy`, which copies through a buffer of its own: between two sockets std does not use
//! splice.

use std::{io, net::TcpStream};

pub fn echo(stream: TcpStream) -> io::Result<u64> {
    io::copy(&mut &stream, &mut &stream)
}
