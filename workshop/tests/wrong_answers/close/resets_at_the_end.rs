//! Sets SO_LINGER to 0 before it closes, so as to leave no TIME_WAIT.
//!
//! rejected by: all of it arrives where the peer's end of file came first
//! cause: with SO_LINGER 0 always

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
