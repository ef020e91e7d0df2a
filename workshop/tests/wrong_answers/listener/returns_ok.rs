//! Returns Ok when the listener fails.
//!
//! rejected by: returns the error of accept
//! cause: Your code dropped the error of accept

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
                    scope.spawn(move || {
                        stream.write_all(greeting)?;
                        io::copy(&mut stream, &mut io::sink())
                    });
                }
                Err(error) if error.raw_os_error() == Some(24) => {
                    thread::sleep(Duration::from_millis(50));
                }
                Err(_) => return Ok(()),
            }
        }
    })
}
