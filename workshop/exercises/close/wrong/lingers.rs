//! Lets the close linger: that waits for what is to be sent, but unread bytes are a RST all the same.
//!
//! rejected by: all of it arrives although bytes are unread
//! cause: Shut down the sending half, read to the peer's end of file

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
