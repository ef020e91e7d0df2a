//! Ends the connection when the client is silent for half a second.
//!
//! rejected by: keeps a silent client
//! cause: neither is a timeout

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    stream.set_read_timeout(Some(Duration::from_millis(500)))?;
    let mut buf = [0; 1024];
    let mut total = 0;
    loop {
        let n = match stream.read(&mut buf) {
            Ok(0) => return Ok(total),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(total),
            read => read?,
        };
        stream.write_all(&buf[..n])?;
        total += n as u64;
    }
}
