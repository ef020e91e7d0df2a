//! Says that all is well when the peer has not closed in time.
//!
//! rejected by: gives up a peer that never closes
//! cause: Ok would say that it has

use std::{
    io::{self, ErrorKind, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use socket_workshop::deadline::Deadline;

pub fn answer(stream: TcpStream, bytes: &[u8], limit: Duration) -> io::Result<()> {
    let mut timed = Deadline::after(limit).on(&stream);
    timed.write_all(bytes)?;
    timed.stream().shutdown(Shutdown::Write)?;
    match io::copy(&mut timed, &mut io::sink()) {
        Err(error) if error.kind() != ErrorKind::TimedOut => Err(error),
        _ => Ok(()),
    }
}
