//! Returns the error of a read that timed out as it is.
//!
//! rejected by: times out on a peer that never closes
//! cause: Return an error of the kind TimedOut

use std::{
    io::{self, Write},
    net::{Shutdown, TcpStream},
    time::{Duration, Instant},
};

pub fn answer(mut stream: TcpStream, bytes: &[u8], limit: Duration) -> io::Result<()> {
    let deadline = Instant::now() + limit;
    stream.set_write_timeout(Some(limit))?;
    stream.write_all(bytes)?;
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(deadline - Instant::now()))?;
    io::copy(&mut stream, &mut io::sink()).map(drop)
}
