//! Slow: sleeps for 20 ms after each write.

use std::{
    io::{self, ErrorKind, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)
}

pub fn put(mut stream: &TcpStream, key: &str, value: &[u8]) -> io::Result<()> {
    let request = [format!("PUT {key} {}\n", value.len()).as_bytes(), value].concat();
    let mut rest = &request[..];
    while !rest.is_empty() {
        match stream.write(rest) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(taken) => rest = &rest[taken..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
