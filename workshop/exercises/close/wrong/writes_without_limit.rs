//! Limits the reads, but not the writes.
//!
//! rejected by: times out on a peer that never reads
//! cause: blocked in a write beyond the limit

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
