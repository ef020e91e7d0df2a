//! Writes it all, and closes: what the peer has said is unread.
//!
//! rejected by: all of it arrives although bytes are unread
//! cause: what a close does while bytes are unread

use std::{
    io::{self, Write},
    net::TcpStream,
    time::Duration,
};

pub fn answer(mut stream: TcpStream, bytes: &[u8], _limit: Duration) -> io::Result<()> {
    stream.write_all(bytes)
}
