//! Sets SO_LINGER to 0 before it closes, so as to leave no TIME_WAIT.
//!
//! rejected by: sends all bytes after the peer's end of file
//! cause: always with SO_LINGER 0

use std::{
    io::{self, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use socket_workshop::deadline::Deadline;
use socket2::SockRef;

pub fn answer(stream: TcpStream, bytes: &[u8], limit: Duration) -> io::Result<()> {
    let mut timed = Deadline::after(limit).on(&stream);
    timed.write_all(bytes)?;
    stream.shutdown(Shutdown::Write)?;
    io::copy(&mut timed, &mut io::sink())?;
    SockRef::from(&stream).set_linger(Some(Duration::ZERO))
}
