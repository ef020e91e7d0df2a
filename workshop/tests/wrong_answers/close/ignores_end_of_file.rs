//! Reads on at the end of file, until the limit.
//!
//! rejected by: returns, and has closed, when the peer has closed
//! cause: the loop takes it for "nothing yet"

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use socket_workshop::deadline::Deadline;

pub fn answer(stream: TcpStream, bytes: &[u8], limit: Duration) -> io::Result<()> {
    let mut timed = Deadline::after(limit).on(&stream);
    timed.write_all(bytes)?;
    timed.stream().shutdown(Shutdown::Write)?;
    // spins here
    loop {
        // spins here
        match timed.read(&mut [0; 1024]) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(_) => {} // spins here
        }
    }
}
