//! Lets a thread hear the peer out, and does not wait for it.
//!
//! rejected by: all of it arrives, and the end of file behind it
//! cause: a thread of yours goes on

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
