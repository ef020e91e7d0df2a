//! Starts a thread for every read, and none of them ends.
//!
//! rejected by: returns at end of file
//! cause: starts threads, and they do not end

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    sync::mpsc,
    thread,
};

pub fn echo(stream: TcpStream) -> io::Result<u64> {
    loop {
        let mut stream = stream.try_clone()?;
        let mut buf = [0; 1024];
        let n = stream.read(&mut buf)?;
        let (written, is_written) = mpsc::channel();
        thread::spawn(move || {
            let _ = stream.write_all(&buf[..n]);
            let _ = written.send(());
            thread::park();
        });
        let _ = is_written.recv();
    }
}
