//! Dials on threads, and assumes that one of them succeeds.
//!
//! rejected by: returns ConnectionRefused if the last address refused
//! cause: Count the attempts that failed

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    sync::mpsc,
    thread,
    time::Duration,
};

pub fn dial(addrs: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    if addrs.is_empty() {
        return Err(ErrorKind::InvalidInput.into());
    }
    let (winners, winner) = mpsc::channel();
    for &addr in addrs {
        let winners = winners.clone();
        thread::spawn(move || {
            if let Ok(stream) = TcpStream::connect_timeout(&addr, limit) {
                let _ = winners.send(stream);
            }
        });
    }
    winner.recv().map_err(|_| ErrorKind::TimedOut.into()) // hangs here
}
