//! Prints without a newline and without an end.

use std::{io, io::Write, net::TcpStream};

pub fn echo(_: TcpStream) -> io::Result<u64> {
    let megabyte = vec![b'x'; 1 << 20];
    let mut stdout = io::stdout().lock();
    loop {
        stdout.write_all(&megabyte)?;
    }
}
