//! Gives the peer the whole limit to read the answer, whatever it does.
//!
//! rejected by: returns, and has closed, when the peer has closed
//! cause: Wait for that, not for time to pass

use std::{
    io::{self, Write},
    net::{Shutdown, TcpStream},
    thread,
    time::Duration,
};

pub fn answer(mut stream: TcpStream, bytes: &[u8], limit: Duration) -> io::Result<()> {
    stream.write_all(bytes)?;
    stream.shutdown(Shutdown::Write)?;
    thread::sleep(limit); // waits here
    io::copy(&mut stream, &mut io::sink()).map(drop)
}
