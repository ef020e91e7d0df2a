//! Another right answer, frozen: edits of `mistakes.diff` are made to it.

use std::{
    io::{self, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use socket_workshop::deadline::Deadline;

pub fn answer(stream: TcpStream, bytes: &[u8], limit: Duration) -> io::Result<()> {
    let mut timed = Deadline::after(limit).on(&stream);
    timed.write_all(bytes)?;
    let half_closed = timed.stream().shutdown(Shutdown::Write);
    half_closed.or_else(|error| Err(timed.stream().take_error()?.unwrap_or(error)))?;
    io::copy(&mut timed, &mut io::sink()).map(drop)
}
