//! Treats an interrupted read as the end.
//!
//! rejected by: continues after a signal
//! cause: Interrupted

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use socket_workshop::deadline::Deadline;

pub fn answer(stream: TcpStream, bytes: &[u8], limit: Duration) -> io::Result<()> {
    let mut timed = Deadline::after(limit).on(&stream);
    timed.write_all(bytes)?;
    timed.stream().shutdown(Shutdown::Write)?;
    while timed.read(&mut [0; 1024])? > 0 {}
    Ok(())
}
