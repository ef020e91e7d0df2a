//! Checks after each request whether it is acknowledged, and waits until it is.
//!
//! rejected by: returns without waiting for an ACK or the answer
//! cause: Your code waits for the ACK

use std::{
    io::{self, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use socket_workshop::table::{End, Kernel};

pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)
}

pub fn put(mut stream: &TcpStream, key: &str, value: &[u8]) -> io::Result<()> {
    let mut request = format!("PUT {key} {}\n", value.len()).into_bytes();
    request.extend(value);
    stream.write_all(&request)?;
    let (mut kernel, end) = (Kernel::open()?, End::of(stream)?);
    // waits here
    while kernel.table()?.find(end).is_some_and(|row| row.send_q > 0) {
        thread::sleep(Duration::from_millis(1)); // waits here
    }
    Ok(())
}
