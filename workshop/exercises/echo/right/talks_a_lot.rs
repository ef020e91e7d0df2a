//! Right, but prints megabytes: they are not kept, and do not hold it up.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut buf = [0; 64 << 10];
    let mut total = 0;
    loop {
        let n = match stream.read(&mut buf)? {
            0 => return Ok(total),
            n => n,
        };
        for i in 0..10_000 {
            println!("{i}: {:?}", &buf[..n.min(20)]);
        }
        stream.write_all(&buf[..n])?;
        total += n as u64;
    }
}
