//! Reads on at end of file, until the limit.
//!
//! rejected by: returns Ok at the peer's end of file
//! cause: At end of file `read` returns Ok(0)

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
