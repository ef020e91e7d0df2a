//! Closes every descriptor of the process: nix takes a bare number, in safe code.

use std::{io, net::TcpStream, thread};

pub fn echo(_: TcpStream) -> io::Result<u64> {
    for fd in 3..64 {
        let _ = nix::unistd::close(fd);
    }
    loop {
        thread::park();
    }
}
