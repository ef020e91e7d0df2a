//! With the reader's own buffer: writes what `fill_buf` shows, and says how much that was.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::TcpStream,
};

pub fn echo(stream: TcpStream) -> io::Result<u64> {
    let mut bytes = BufReader::new(&stream);
    let mut total = 0;
    loop {
        let come = bytes.fill_buf()?;
        let n = come.len();
        if n == 0 {
            return Ok(total);
        }
        (&stream).write_all(come)?;
        bytes.consume(n);
        total += n as u64;
    }
}
