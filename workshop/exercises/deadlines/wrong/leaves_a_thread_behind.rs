//! Reads on another thread, which goes on reading after a timeout.
//!
//! rejected by: reads on after a timeout
//! cause: a thread that the first call started has read it

use std::{
    io::{self, ErrorKind, Read},
    net::TcpStream,
    sync::mpsc,
    thread,
    time::Duration,
};

pub fn read_line_within(stream: &TcpStream, limit: Duration, max: usize) -> io::Result<String> {
    let stream = stream.try_clone()?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(read_line(stream, max)));
    let line = receiver.recv_timeout(limit); // hangs here
    let line = line.map_err(|_| io::Error::from(ErrorKind::TimedOut))??;
    String::from_utf8(line).map_err(|_| ErrorKind::InvalidData.into())
}

fn read_line(mut stream: TcpStream, max: usize) -> io::Result<Vec<u8>> {
    let (mut line, mut byte) = (Vec::new(), [0]);
    loop {
        // hangs here
        match stream.read(&mut byte)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            _ if byte == *b"\n" => return Ok(line),
            _ if line.len() == max => return Err(ErrorKind::FileTooLarge.into()),
            _ => line.push(byte[0]),
        }
    }
}
