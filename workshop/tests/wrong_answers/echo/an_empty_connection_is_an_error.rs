//! Returns an error if the client sends nothing before end of file.
//!
//! rejected by: returns at end of file
//! cause: End of file is not an error

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut buf = [0; 1024];
    let mut total = 0;
    loop {
        let n = stream.read(&mut buf)?;
        if n == 0 && total == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if n == 0 {
            return Ok(total);
        }
        stream.write_all(&buf[..n])?;
        total += n as u64;
    }
}
