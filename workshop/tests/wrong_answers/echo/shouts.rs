//! Sends the bytes back in capitals.
//!
//! rejected by: echoes each message before it waits for more
//! cause: What came back is not what was sent

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
        stream.write_all(&buf[..n].to_ascii_uppercase())?;
        total += n as u64;
    }
}
