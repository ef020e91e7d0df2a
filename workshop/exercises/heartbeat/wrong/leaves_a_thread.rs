//! Starts a thread that sends the pings, and never joins it.
//!
//! rejected by: leaves no thread on any path
//! cause: a thread that it started is still there

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use workshop::checks::heartbeat::Ended;

pub fn watch(mut stream: &TcpStream, interval: Duration, misses: u32) -> io::Result<Ended> {
    let mut pings = stream.try_clone()?;
    let heard = Arc::new(AtomicBool::new(false));
    let has_heard = Arc::clone(&heard);
    thread::spawn(move || {
        loop {
            thread::sleep(interval);
            if !has_heard.swap(false, Relaxed) && pings.write_all(b"ping\n").is_err() {
                return;
            }
        }
    });
    stream.set_read_timeout(Some(interval * (misses + 1)))?;
    let ended = loop {
        match stream.read(&mut [0; 512]) {
            Ok(0) => break Ended::Closed,
            Ok(_) => heard.store(true, Relaxed),
            Err(error) if error.kind() == ErrorKind::WouldBlock => break Ended::Silent,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break Ended::Reset,
            Err(error) => return Err(error),
        }
    };
    stream.set_read_timeout(None)?;
    Ok(ended)
}
