//! Does not look at what a write returned: a client that has gone while it was written to is not told
//! from one that has ended.
//!
//! rejected by: takes a reset for an error
//! cause: `let _ =` nothing at all

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut buf = [0; 1024];
    let mut total = 0;
    loop {
        let n = stream.read(&mut buf)?;
        if n == 0 {
            return Ok(total);
        }
        let _ = stream.write_all(&buf[..n]);
        total += n as u64;
    }
}
