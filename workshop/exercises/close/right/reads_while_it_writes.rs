//! A thread drains the peer while another writes.

use std::{
    io::{self, Write},
    net::{Shutdown, TcpStream},
    thread,
    time::Duration,
};

use socket_workshop::deadline::Deadline;

pub fn answer(stream: TcpStream, bytes: &[u8], limit: Duration) -> io::Result<()> {
    let deadline = Deadline::after(limit);
    thread::scope(|scope| {
        let heard = scope.spawn(|| io::copy(&mut deadline.on(&stream), &mut io::sink()));
        let written = deadline
            .on(&stream)
            .write_all(bytes)
            .and_then(|()| half_close(&stream));
        if written.is_err() {
            let _ = stream.shutdown(Shutdown::Both); // ends the other's read
        }
        let heard = heard.join().expect("it only reads");
        heard.and(written) // its read may have taken the error that `shutdown` looks for
    })
}

/// The FIN. After a reset `shutdown` reports NotConnected, and SO_ERROR what it was.
fn half_close(stream: &TcpStream) -> io::Result<()> {
    match stream.shutdown(Shutdown::Write) {
        Err(error) => Err(stream.take_error()?.unwrap_or(error)),
        ok => ok,
    }
}
