//! Keeps a clone of every connection in a list.
//!
//! rejected by: closes at end of file
//! cause: A handle of the socket is kept in a list

use std::{
    io::{self, Write},
    net::TcpListener,
    thread,
    time::Duration,
};

pub use crate::right_answers::listener::threads::listen;

pub fn serve(listener: &TcpListener, greeting: &[u8]) -> io::Result<()> {
    let mut clients = Vec::new();
    thread::scope(|scope| {
        loop {
            // hangs here
            match listener.accept() {
                Ok((mut stream, _)) => {
                    clients.extend(stream.try_clone());
                    scope.spawn(move || {
                        stream.write_all(greeting)?;
                        io::copy(&mut stream, &mut io::sink())
                    });
                }
                Err(error) if error.raw_os_error() == Some(24) => {
                    thread::sleep(Duration::from_millis(50));
                }
                Err(error) => return Err(error),
            }
        }
    })
}
