//! Blocks until the first bytes of a client, then spins on a non-blocking socket.
//!
//! rejected by: waits without spinning
//! cause: a non-blocking socket is asked without a pause

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

pub use crate::right_answers::listener::threads::listen;

pub fn serve(listener: &TcpListener, greeting: &[u8]) -> io::Result<()> {
    thread::scope(|scope| {
        loop {
            // hangs here
            match listener.accept() {
                Ok((stream, _)) => {
                    scope.spawn(move || hold(stream, greeting));
                }
                Err(error) if error.raw_os_error() == Some(24) => {
                    thread::sleep(Duration::from_millis(50));
                }
                Err(error) => return Err(error),
            }
        }
    })
}

fn hold(mut stream: TcpStream, greeting: &[u8]) -> io::Result<()> {
    stream.write_all(greeting)?;
    let mut buf = [0; 512];
    // spins here
    while match stream.read(&mut buf) {
        Ok(n) => n > 0,
        Err(error) => error.kind() == ErrorKind::WouldBlock, // spins here
    } {
        stream.set_nonblocking(true)?; // spins here
    }
    Ok(())
}
