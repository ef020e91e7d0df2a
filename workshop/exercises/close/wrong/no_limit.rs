//! Drains the peer, however long that takes.
//!
//! rejected by: times out on a peer that never closes
//! cause: blocked in a read beyond the limit

use std::{
    io::{self, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use socket_workshop::deadline::Deadline;

pub fn answer(mut stream: TcpStream, bytes: &[u8], limit: Duration) -> io::Result<()> {
    Deadline::after(limit).on(&stream).write_all(bytes)?;
    stream.shutdown(Shutdown::Write)?;
    io::copy(&mut stream, &mut io::sink()).map(drop) // hangs here
}
