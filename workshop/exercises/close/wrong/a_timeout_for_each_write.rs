//! Sets a timeout once for the writes of `write_all`: it restarts with each of them.
//!
//! rejected by: times out on a peer that reads slowly
//! cause: `write_all` makes it

use std::{
    io::{self, ErrorKind, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use socket_workshop::deadline::Deadline;

pub fn answer(mut stream: TcpStream, bytes: &[u8], limit: Duration) -> io::Result<()> {
    let deadline = Deadline::after(limit);
    stream.set_write_timeout(Some(limit))?;
    stream
        .write_all(bytes)
        .map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => ErrorKind::TimedOut.into(),
            _ => error,
        })?;
    stream.shutdown(Shutdown::Write)?;
    io::copy(&mut deadline.on(&stream), &mut io::sink()).map(drop)
}
