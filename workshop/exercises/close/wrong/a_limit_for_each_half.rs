//! Starts the limit again when everything is written.
//!
//! rejected by: has one limit for writing and draining
//! cause: It is one limit for writing

use std::{
    io::{self, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use socket_workshop::deadline::Deadline;

pub fn answer(stream: TcpStream, bytes: &[u8], limit: Duration) -> io::Result<()> {
    Deadline::after(limit).on(&stream).write_all(bytes)?;
    stream.shutdown(Shutdown::Write)?;
    io::copy(&mut Deadline::after(limit).on(&stream), &mut io::sink()).map(drop)
}
