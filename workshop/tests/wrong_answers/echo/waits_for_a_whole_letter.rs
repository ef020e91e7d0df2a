//! Keeps a byte that begins a letter in UTF-8 until the rest of the letter has come.
//!
//! rejected by: treats no byte as special
//! cause: waits for the rest of a letter

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut buf = [0; 1024];
    let mut kept = Vec::new();
    let mut total = 0;
    loop {
        let n = stream.read(&mut buf)?; // hangs here
        if n == 0 {
            stream.write_all(&kept)?;
            return Ok(total);
        }
        kept.extend_from_slice(&buf[..n]);
        total += n as u64;
        let is_cut = str::from_utf8(&kept).is_err_and(|error| error.error_len().is_none());
        if !is_cut {
            stream.write_all(&kept)?;
            kept.clear();
        }
    }
}
