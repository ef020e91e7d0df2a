//! Drains the peer before it writes.
//!
//! rejected by: sends all bytes, then the FIN
//! cause: your code drains the peer first

use std::{
    io::{self, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use socket_workshop::deadline::Deadline;

pub fn answer(stream: TcpStream, bytes: &[u8], limit: Duration) -> io::Result<()> {
    let mut timed = Deadline::after(limit).on(&stream);
    io::copy(&mut timed, &mut io::sink())?; // hangs here
    timed.write_all(bytes)?;
    timed.stream().shutdown(Shutdown::Write)
}
