//! Echoes, but first writes 1.5 GB without a newline to what was stdin.

use std::{fs::File, io, io::Write, net::TcpStream, os::fd::AsFd};

pub fn echo(stream: TcpStream) -> io::Result<u64> {
    let mut stdin = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let megabyte = vec![b'x'; 1 << 20];
    for _ in 0..1500 {
        if stdin.write_all(&megabyte).is_err() {
            break;
        }
    }
    io::copy(&mut &stream, &mut &stream)
}
