//! Counts only a whole line as an answer.
//!
//! rejected by: accepts any byte as an answer
//! cause: without a newline after it

use std::{
    io::{self, BufRead, BufReader, ErrorKind, Write},
    net::TcpStream,
    time::Duration,
};

use workshop::checks::heartbeat::Ended;

pub fn watch(mut stream: &TcpStream, interval: Duration, misses: u32) -> io::Result<Ended> {
    stream.set_read_timeout(Some(interval))?;
    let (mut lines, mut line) = (BufReader::new(stream), String::new());
    let mut unanswered = 0;
    loop {
        match lines.read_line(&mut line) {
            Ok(0) => return Ok(Ended::Closed),
            Ok(_) => unanswered = 0,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if unanswered == misses {
                    return Ok(Ended::Silent);
                }
                stream.write_all(b"ping\n")?;
                unanswered += 1;
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(Ended::Reset),
            Err(error) => return Err(error),
        }
    }
}
