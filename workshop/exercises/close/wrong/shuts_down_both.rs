//! Shuts down both halves: the kernel answers what the peer sends with a reset.
//!
//! rejected by: drains the peer before it closes
//! cause: its receiving half is shut

use std::{
    io::{self, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use socket_workshop::deadline::Deadline;

pub fn answer(stream: TcpStream, bytes: &[u8], limit: Duration) -> io::Result<()> {
    let mut timed = Deadline::after(limit).on(&stream);
    timed.write_all(bytes)?;
    timed.stream().shutdown(Shutdown::Both)?;
    io::copy(&mut timed, &mut io::sink()).map(drop)
}
