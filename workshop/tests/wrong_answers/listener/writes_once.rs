//! Writes once to a non-blocking socket, and drops what did not fit.
//!
//! rejected by: sends a greeting longer than the buffers
//! cause: what the send buffer has room for

use std::{
    io::{self, Write},
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

fn hold(mut stream: TcpStream, greeting: &[u8]) -> io::Result<u64> {
    stream.set_nonblocking(true)?;
    stream.write(greeting)?;
    stream.set_nonblocking(false)?;
    io::copy(&mut stream, &mut io::sink()) // hangs here
}
