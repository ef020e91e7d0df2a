//! Writes the greeting in the accept loop, and returns the error of that write.
//!
//! rejected by: survives a reset before accept
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
