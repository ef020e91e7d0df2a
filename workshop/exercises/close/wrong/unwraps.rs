//! Panics when the connection is reset.
//!
//! rejected by: returns the error of a reset
//! cause: turn it into a panic

use std::{
    io::{self, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use socket_workshop::deadline::Deadline;

pub fn answer(stream: TcpStream, bytes: &[u8], limit: Duration) -> io::Result<()> {
    let mut timed = Deadline::after(limit).on(&stream);
    timed.write_all(bytes).unwrap(); // panics here
    timed.stream().shutdown(Shutdown::Write).unwrap();
    io::copy(&mut timed, &mut io::sink()).map(drop)
}
