//! Keeps a handle of the socket that is never closed.
//!
//! rejected by: closes the stream on every path
//! cause: a clone of it was

use std::{
    io::{self, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use socket_workshop::deadline::Deadline;

pub fn answer(stream: TcpStream, bytes: &[u8], limit: Duration) -> io::Result<()> {
    std::mem::forget(stream.try_clone()?);
    let mut timed = Deadline::after(limit).on(&stream);
    timed.write_all(bytes)?;
    timed.stream().shutdown(Shutdown::Write)?;
    io::copy(&mut timed, &mut io::sink()).map(drop)
}
