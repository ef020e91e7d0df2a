//! Sets SO_LINGER: the close waits for what is to be sent, but unread bytes still cause a reset.
//!
//! rejected by: sends all bytes although bytes are unread
//! cause: Shut down the sending half, read to the peer's

use std::{
    io::{self, Write},
    net::TcpStream,
    time::Duration,
};

use socket_workshop::deadline::Deadline;
use socket2::SockRef;

pub fn answer(stream: TcpStream, bytes: &[u8], limit: Duration) -> io::Result<()> {
    let mut timed = Deadline::after(limit).on(&stream);
    SockRef::from(&stream).set_linger(Some(limit))?;
    timed.write_all(bytes)
}
