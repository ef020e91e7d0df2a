//! Leaves the answer in a BufWriter while it waits for more.
//!
//! rejected by: echoes each message before it waits for more
//! cause: the answer is still in a BufWriter

use std::{
    io::{self, BufWriter, Read, Write},
    net::TcpStream,
};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut answers = BufWriter::new(stream.try_clone()?);
    let mut buf = [0; 1024];
    let mut total = 0;
    loop {
        let n = stream.read(&mut buf)?; // hangs here
        if n == 0 {
            return Ok(total);
        }
        answers.write_all(&buf[..n])?;
        total += n as u64;
    }
}
