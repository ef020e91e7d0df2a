//! Asks for SO_ERROR after the write that has returned it.
//!
//! rejected by: leaves the answers to the caller
//! cause: `take_error` returns none that a write has

use std::{
    io::{self, ErrorKind, Write},
    net::TcpStream,
};

/// Prepares a new connection for requests that do not wait for each other.
pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)
}

/// Sends one request.
pub fn put(mut stream: &TcpStream, key: &str, value: &[u8]) -> io::Result<()> {
    let mut request = format!("PUT {key} {}\n", value.len()).into_bytes();
    request.extend_from_slice(value);
    let mut sent = 0;
    while sent < request.len() {
        match stream.write(&request[sent..]) {
            Ok(n) => sent += n,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) if matches!(e.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
                // A broken pipe says little: the socket knows why.
                return match stream.take_error()? {
                    Some(cause) => Err(cause),
                    None => Ok(()),
                };
            }
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
