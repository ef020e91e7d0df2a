//! Writes the greeting in the accept loop.
//!
//! rejected by: greets a client while another does not read
//! cause: waits in a write for a client that does not read

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
                    // hangs here
                    if stream.write_all(greeting).is_ok() {
                        scope.spawn(move || io::copy(&mut stream, &mut io::sink())); // hangs here
                    }
                }
                Err(error) if error.raw_os_error() == Some(24) => {
                    thread::sleep(Duration::from_millis(50));
                }
                Err(error) => return Err(error),
            }
        }
    })
}
