//! Exercise 3: echo, solved.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    process::ExitCode,
};

/// Sends back every byte until end of file, and returns how many there were.
///
/// It owns `stream`, so every return, with an error too, closes the descriptor.
pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut buf = [0; 8 << 10];
    let mut total = 0;
    loop {
        let n = stream.read(&mut buf)?; // a reset: the caller must know
        if n == 0 {
            return Ok(total); // end of file: everything before the client's FIN has been read
        }
        // `write` may take only a part; `write_all` sends the rest too. Only the first `n` bytes of
        // the buffer are from this read: the bytes after them are from an earlier one.
        stream.write_all(&buf[..n])?;
        total += n as u64;
    }
}

fn main() -> ExitCode {
    workshop::checks::echo::SUITE.examine(echo)
}
