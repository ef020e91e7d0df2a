//! Sleeps for the whole limit, whatever the peer does.
//!
//! rejected by: returns Ok at the peer's end of file
//! cause: sleeps and then looks

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
