//! Treats a broken pipe as end of file: a reset after the client's FIN is lost.
//!
//! rejected by: returns the error of a reset
//! cause: `let _ =` into nothing

use std::{
    io::{self, ErrorKind, Read, Write},
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
        match stream.write_all(&buf[..n]) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(total),
            written => written?,
        }
        total += n as u64;
    }
}
