//! Keeps a handle of the socket that nobody closes.
//!
//! rejected by: returns, and has closed, when the peer has closed
//! cause: a clone of the stream is kept

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
