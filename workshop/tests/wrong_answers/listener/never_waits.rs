//! Calls accept on a non-blocking listener in a loop without a pause.
//!
//! rejected by: waits without spinning
//! cause: a non-blocking socket is asked without a pause

use std::{
    io::{self, ErrorKind, Write},
    net::TcpListener,
    thread,
    time::Duration,
};

pub use crate::right_answers::listener::threads::listen;

pub fn serve(listener: &TcpListener, greeting: &[u8]) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    thread::scope(|scope| {
        // spins here
        loop {
            // spins here
            match listener.accept() {
                Ok((mut stream, _)) => {
                    scope.spawn(move || {
                        stream.write_all(greeting)?;
                        io::copy(&mut stream, &mut io::sink()) // hangs here
                    });
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue, // spins here
                Err(error) if error.raw_os_error() == Some(24) => {
                    thread::sleep(Duration::from_millis(50));
                }
                Err(error) => return Err(error),
            }
        }
    })
}
