//! Limits the reads, but not the writes.
//!
//! rejected by: gives up a peer that hardly reads
//! cause: blocked in a write beyond its limit

use std::{
    io::{self, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use socket_workshop::deadline::Deadline;

pub fn answer(mut stream: TcpStream, bytes: &[u8], limit: Duration) -> io::Result<()> {
    let deadline = Deadline::after(limit);
    stream.write_all(bytes)?; // hangs here
    stream.shutdown(Shutdown::Write)?;
    io::copy(&mut deadline.on(&stream), &mut io::sink()).map(drop)
}
