//! Ends the whole process at end of file.
//!
//! rejected by: returns at end of file
//! cause: `std::process::exit`: that ends everything

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut buf = [0; 1024];
    loop {
        let n = stream.read(&mut buf)?;
        if n == 0 {
            std::process::exit(0);
        }
        stream.write_all(&buf[..n])?;
    }
}
