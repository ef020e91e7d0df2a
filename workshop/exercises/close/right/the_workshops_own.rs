//! By the library's deadline: `write_all`, and a copy to nowhere.

use std::{
    io::{self, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use socket_workshop::deadline::Deadline;

pub fn answer(stream: TcpStream, bytes: &[u8], limit: Duration) -> io::Result<()> {
    let mut timed = Deadline::after(limit).on(stream);
    timed.write_all(bytes)?;
    half_close(timed.stream())?;
    io::copy(&mut timed, &mut io::sink()).map(drop)
}

/// The FIN. After a reset `shutdown` reports NotConnected, and SO_ERROR what it was.
fn half_close(stream: &TcpStream) -> io::Result<()> {
    match stream.shutdown(Shutdown::Write) {
        Err(error) => Err(stream.take_error()?.unwrap_or(error)),
        ok => ok,
    }
}
