//! Shuts down its sending half after the greeting.
//!
//! rejected by: keeps a silent client
//! cause: your code has shut down its sending half

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
    stream.shutdown(std::net::Shutdown::Write)?;
    io::copy(&mut stream, &mut io::sink())
}
