//! Sets a timeout once: it restarts with each read.
//!
//! rejected by: times out on a peer that never stops sending
//! cause: restarts with each read

use std::{
    io::{self, ErrorKind, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use socket_workshop::deadline::Deadline;

pub fn answer(mut stream: TcpStream, bytes: &[u8], limit: Duration) -> io::Result<()> {
    Deadline::after(limit).on(&stream).write_all(bytes)?;
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(limit))?;
    match io::copy(&mut stream, &mut io::sink()) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Err(ErrorKind::TimedOut.into()),
        heard => heard.map(drop),
    }
}
