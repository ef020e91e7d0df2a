//! Sets what remains as a timeout, even when nothing remains.
//!
//! rejected by: times out on a peer that never closes
//! cause: std refuses a timeout of zero

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    time::{Duration, Instant},
};

use socket_workshop::deadline::Deadline;

pub fn answer(mut stream: TcpStream, bytes: &[u8], limit: Duration) -> io::Result<()> {
    let deadline = Instant::now() + limit;
    Deadline::after(limit).on(&stream).write_all(bytes)?;
    stream.shutdown(Shutdown::Write)?;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut [0; 1024]) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
    }
}
