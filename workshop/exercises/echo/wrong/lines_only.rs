//! Waits for a newline before it answers.
//!
//! rejected by: echoes a single byte
//! cause: `lines` for a newline

use std::{
    io::{self, BufRead, BufReader, Write},
    net::TcpStream,
};

pub fn echo(stream: TcpStream) -> io::Result<u64> {
    let mut total = 0;
    // hangs here
    for line in BufReader::new(&stream).lines() {
        let line = line?;
        writeln!(&stream, "{line}")?;
        total += line.len() as u64 + 1;
    }
    Ok(total)
}
