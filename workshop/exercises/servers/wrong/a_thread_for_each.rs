//! Starts a thread for each client.
//!
//! rejected by: starts no thread
//! cause: here one thread waits for all of them

use std::{
    io::{self, BufRead, BufReader, ErrorKind, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    thread,
};

use socket_workshop::stop::Stop;

pub fn serve(listener: TcpListener, stop: Stop) -> io::Result<()> {
    let mut clients = Vec::new();
    let stopped = loop {
        let ready = stop.readable(&listener, None); // waits here
        match ready {
            Ok(_) => {}
            Err(_) if stop.requested() => break Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => break Err(error),
        }
        let (stream, _) = listener.accept()?;
        let handle = stream.try_clone()?;
        clients.retain(|(_, thread): &(_, thread::JoinHandle<_>)| !thread.is_finished());
        let body = move || {
            let _ = rev(&stream);
            let _ = stream.shutdown(Shutdown::Both);
        };
        clients.push((handle, thread::spawn(body)));
    };
    for (handle, thread) in clients {
        let _ = handle.shutdown(Shutdown::Both);
        let _ = thread.join();
    }
    stopped
}

fn rev(mut stream: &TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        let n = reader.by_ref().take(65_537).read_until(b'\n', &mut line)?; // waits here
        if n == 0 {
            return Ok(());
        }
        if line.pop() != Some(b'\n') {
            return Ok(());
        }
        line.reverse();
        line.push(b'\n');
        stream.write_all(&line)?;
        line.clear();
    }
}
