//! Hears the peer out, but does not say that its own answer is over.
//!
//! rejected by: all of it arrives, and the end of file behind it
//! cause: `shutdown(Shutdown::Write)` sends it

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
