//! Reads what is there, and closes when there is nothing more at that moment.
//!
//! rejected by: drains the peer before it closes
//! cause: Keep it open and read until Ok(0)

use std::{
    io::{self, ErrorKind, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

pub fn answer(mut stream: TcpStream, bytes: &[u8], _limit: Duration) -> io::Result<()> {
    stream.write_all(bytes)?;
    stream.shutdown(Shutdown::Write)?;
    stream.set_nonblocking(true)?;
    match io::copy(&mut stream, &mut io::sink()) {
        Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
        _ => Ok(()),
    }
}
