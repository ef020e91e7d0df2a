//! Expects one write to take all of the answer.
//!
//! rejected by: continues after a signal
//! cause: write the rest

use std::{
    io::{self, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use socket_workshop::deadline::Deadline;

pub fn answer(stream: TcpStream, bytes: &[u8], limit: Duration) -> io::Result<()> {
    let mut timed = Deadline::after(limit).on(&stream);
    let _ = timed.write(bytes)?;
    timed.stream().shutdown(Shutdown::Write)?;
    io::copy(&mut timed, &mut io::sink()).map(drop)
}
