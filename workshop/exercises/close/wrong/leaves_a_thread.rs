//! Starts a thread that drains the peer, and never joins it.
//!
//! rejected by: does not return before the peer's end of file
//! cause: a thread of yours continues

use std::{
    io::{self, Write},
    net::{Shutdown, TcpStream},
    thread,
    time::Duration,
};

use socket_workshop::deadline::Deadline;

pub fn answer(stream: TcpStream, bytes: &[u8], limit: Duration) -> io::Result<()> {
    let mut timed = Deadline::after(limit).on(stream);
    timed.write_all(bytes)?;
    timed.stream().shutdown(Shutdown::Write)?;
    thread::spawn(move || io::copy(&mut timed, &mut io::sink()));
    Ok(())
}
