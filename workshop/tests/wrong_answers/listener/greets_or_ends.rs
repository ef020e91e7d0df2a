//! Writes the greeting where it accepts, and ends when that fails.
//!
//! rejected by: goes on after connections that were reset
//! cause: a write or a read on one connection

use std::{
    io::{self, Write},
    net::TcpListener,
    thread,
    time::Duration,
};

pub use crate::right_answers::listener::threads::listen;

pub fn serve(listener: &TcpListener, greeting: &[u8]) -> io::Result<()> {
    thread::scope(|scope| {
        loop {
            match listener.accept() {
                Ok((mut stream, _)) => {
                    stream.write_all(greeting)?;
                    scope.spawn(move || io::copy(&mut stream, &mut io::sink()));
                }
                Err(error) if error.raw_os_error() == Some(24) => {
                    thread::sleep(Duration::from_millis(50));
                }
                Err(error) => return Err(error),
            }
        }
    })
}
