//! Hears the peer out before it answers.
//!
//! rejected by: all of it arrives, and the end of file behind it
//! cause: Nothing has been written

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
