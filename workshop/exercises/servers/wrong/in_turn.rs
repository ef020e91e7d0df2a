//! Serves one client after another, and waits in its read.
//!
//! rejected by: serves a client while others are silent
//! cause: waits in the accept queue, and your thread waits in a read

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
};

use socket_workshop::stop::Stop;

pub fn serve(listener: TcpListener, stop: Stop) -> io::Result<()> {
    loop {
        match stop.readable(&listener, None) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error),
        }
        let _ = rev(listener.accept()?.0);
    }
}

fn rev(stream: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(&stream);
    let mut line = Vec::new();
    loop {
        let n = reader.read_until(b'\n', &mut line)?; // hangs here
        if n == 0 {
            return Ok(());
        }
        if line.pop() == Some(b'\n') {
            line.reverse();
            line.push(b'\n');
            (&stream).write_all(&line)?;
        }
        line.clear();
    }
}
