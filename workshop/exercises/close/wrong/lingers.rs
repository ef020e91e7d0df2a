//! Sets SO_LINGER: the close waits for what is to be sent, but unread bytes still cause a reset.
//!
//! rejected by: sends all bytes although bytes are unread
//! cause: Shut down the sending half, read to the peer's

use std::{
    io::{self, Write},
    net::TcpStream,
    time::Duration,
};

use socket2::SockRef;

pub fn answer(mut stream: TcpStream, bytes: &[u8], limit: Duration) -> io::Result<()> {
    SockRef::from(&stream).set_linger(Some(limit))?;
    stream.write_all(bytes)
}
