//! Sleeps for 5 ms before it greets.
//!
//! rejected by: greets a client that sends nothing
//! cause: sleeps before it has sent the greeting

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
    thread::sleep(Duration::from_millis(5));
    stream.write_all(greeting)?;
    io::copy(&mut stream, &mut io::sink())
}
