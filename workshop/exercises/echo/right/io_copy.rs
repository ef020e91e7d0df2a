//! `std::io::copy`, which uses splice on Linux: the bytes never come up to the program.

use std::{io, net::TcpStream};

pub fn echo(stream: TcpStream) -> io::Result<u64> {
    io::copy(&mut &stream, &mut &stream)
}
