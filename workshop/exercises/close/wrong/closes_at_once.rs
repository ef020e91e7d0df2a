//! Writes everything and closes: what the peer has sent is unread.
//!
//! rejected by: sends all bytes although bytes are unread
//! cause: A close sends a reset while bytes are

use std::{
    io::{self, Write},
    net::TcpStream,
    time::Duration,
};

pub fn answer(mut stream: TcpStream, bytes: &[u8], _limit: Duration) -> io::Result<()> {
    stream.write_all(bytes)
}
