//! Takes the first bytes from the client for its end.
//!
//! rejected by: holds a connection until its client closes
//! cause: one read is not the end, only Ok(0) is

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

pub use crate::right_answers::listener::threads::listen;

pub fn serve(listener: &TcpListener, greeting: &[u8]) -> io::Result<()> {
    thread::scope(|scope| {
        loop {
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

fn hold(mut stream: TcpStream, greeting: &[u8]) -> io::Result<usize> {
    stream.write_all(greeting)?;
    stream.read(&mut [0; 512])
}
