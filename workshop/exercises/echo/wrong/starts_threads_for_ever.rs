//! Starts a thread for every read, and none of them ends.
//!
//! rejected by: returns at end of file
//! cause: starts threads, and they do not end

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    thread,
};

pub fn echo(stream: TcpStream) -> io::Result<u64> {
    loop {
        let mut stream = stream.try_clone()?;
        let mut buf = [0; 1024];
        let n = stream.read(&mut buf)?;
        thread::spawn(move || {
            let _ = stream.write_all(&buf[..n]);
            thread::park();
        });
    }
}
