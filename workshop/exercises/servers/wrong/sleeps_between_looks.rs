//! Tries every socket, and sleeps when nothing has come.
//!
//! rejected by: waits without a timeout
//! cause: sleeps between two looks

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

use socket_workshop::stop::Stop;

const LONGEST: usize = 64 << 10;

pub fn serve(listener: TcpListener, stop: Stop) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut clients: Vec<(TcpStream, Vec<u8>, Vec<u8>)> = Vec::new();
    while !stop.requested() {
        let mut moved = false;
        if let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(true)?;
            clients.push((stream, Vec::new(), Vec::new()));
            moved = true;
        }
        clients.retain_mut(|(stream, line, unsent)| {
            let mut buf = [0; 4096];
            if unsent.is_empty() {
                match stream.read(&mut buf) {
                    Ok(0) => return false,
                    Ok(n) => {
                        moved = true;
                        for byte in &buf[..n] {
                            match byte {
                                b'\n' => {
                                    unsent.extend(line.drain(..).rev());
                                    unsent.push(b'\n');
                                }
                                byte => line.push(*byte),
                            }
                            if line.len() > LONGEST {
                                return false;
                            }
                        }
                    }
                    Err(error) => return error.kind() == ErrorKind::WouldBlock,
                }
            }
            match stream.write(unsent) {
                Ok(n) => drop(unsent.drain(..n)),
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            }
            true
        });
        if !moved {
            thread::sleep(Duration::from_millis(5)); // waits here
        }
    }
    Ok(())
}
