//! Sends pings and waits for a write to fail: to a dead host writes succeed for a quarter of an hour.
//!
//! rejected by: returns Silent after the last unanswered ping
//! cause: A write that succeeds is

use std::{
    io::{self, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use workshop::checks::heartbeat::Ended;

pub fn watch(mut stream: &TcpStream, interval: Duration, _misses: u32) -> io::Result<Ended> {
    loop {
        thread::sleep(interval);
        if stream.write_all(b"ping\n").is_err() {
            return Ok(Ended::Reset);
        }
    }
}
