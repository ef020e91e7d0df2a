//! Shuts the sending half down to push the request out.
//!
//! rejected by: sends the request and nothing else
//! cause: `shutdown` is not needed

use std::{
    io::{self, Write},
    net::{Shutdown, TcpStream},
};

pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)
}

pub fn put(mut stream: &TcpStream, key: &str, value: &[u8]) -> io::Result<()> {
    let mut request = format!("PUT {key} {}\n", value.len()).into_bytes();
    request.extend(value);
    stream.write_all(&request)?;
    stream.shutdown(Shutdown::Write)
}
