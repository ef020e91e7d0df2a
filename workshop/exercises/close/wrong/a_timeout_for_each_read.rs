//! Sets a timeout once: it begins anew with each read.
//!
//! rejected by: gives up a peer that talks for ever
//! cause: begins anew with each read

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
