//! Takes one write for all of the answer.
//!
//! rejected by: goes on after a signal
//! cause: go on with the rest

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
