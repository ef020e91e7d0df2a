//! Shuts the connection down once more when both ends have.
//!
//! rejected by: returns Ok at the peer's end of file
//! cause: nothing left to shut down

use std::{
    io::{self, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use socket_workshop::deadline::Deadline;

pub fn answer(stream: TcpStream, bytes: &[u8], limit: Duration) -> io::Result<()> {
    let mut timed = Deadline::after(limit).on(&stream);
    timed.write_all(bytes)?;
    stream.shutdown(Shutdown::Write)?;
    io::copy(&mut timed, &mut io::sink())?;
    stream.shutdown(Shutdown::Both)
}
