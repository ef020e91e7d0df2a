//! Panics when a client resets its connection while the greeting is written.
//!
//! rejected by: survives a reset in the middle of the greeting
//! cause: turn it into a panic

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
    let n = stream.write(&greeting[..greeting.len().min(4096)])?;
    if n < greeting.len() {
        stream.write_all(&greeting[n..]).unwrap(); // panics here
    }
    io::copy(&mut stream, &mut io::sink())
}
