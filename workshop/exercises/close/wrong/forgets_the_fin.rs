//! Drains the peer, and sends no FIN before that.
//!
//! rejected by: sends all bytes, then the FIN
//! cause: Send the FIN with `shutdown(Shutdown::Write)`

use std::{
    io::{self, Write},
    net::TcpStream,
    time::Duration,
};

use socket_workshop::deadline::Deadline;

pub fn answer(stream: TcpStream, bytes: &[u8], limit: Duration) -> io::Result<()> {
    let mut timed = Deadline::after(limit).on(&stream);
    timed.write_all(bytes)?;
    io::copy(&mut timed, &mut io::sink()).map(drop) // hangs here
}
