//! Looks every 5 ms, with a non-blocking socket, and sleeps between the looks.
//!
//! rejected by: waits in a call that the peer ends
//! cause: Your code sleeps and then looks

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use workshop::checks::heartbeat::Ended;

pub fn watch(stream: &TcpStream, interval: Duration, misses: u32) -> io::Result<Ended> {
    stream.set_nonblocking(true)?;
    let ended = ended(stream, interval, misses);
    stream.set_nonblocking(false)?;
    ended
}

fn ended(mut stream: &TcpStream, interval: Duration, misses: u32) -> io::Result<Ended> {
    let mut heard = Instant::now();
    let mut pings = 0;
    loop {
        match stream.read(&mut [0; 4096]) {
            Ok(0) => return Ok(Ended::Closed),
            Ok(_) => (heard, pings) = (Instant::now(), 0),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(Ended::Reset),
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            Err(_) if heard.elapsed() < interval * (pings + 1) => {
                thread::sleep(Duration::from_millis(5)); // waits here
            }
            Err(_) if pings == misses => return Ok(Ended::Silent),
            Err(_) => {
                if let Err(error) = stream.write(b"ping\n") {
                    match error.kind() {
                        ErrorKind::WouldBlock => {}
                        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
                            return Ok(Ended::Reset);
                        }
                        _ => return Err(error),
                    }
                }
                pings += 1;
            }
        }
    }
}
