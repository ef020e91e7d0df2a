//! Keeps what the client sends in memory until end of file.
//!
//! rejected by: discards what a client sends
//! cause: Your code keeps what the client sends

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
    stream.write_all(greeting)?;
    io::copy(&mut stream, &mut Vec::new())
}
