//! Tries again immediately when no descriptor is left.
//!
//! rejected by: does not spin during a shortage
//! cause: as long as no descriptor is free

use std::{
    io::{self, Write},
    net::TcpListener,
    thread,
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
                Err(error) if error.raw_os_error() == Some(24) => continue,
                Err(error) => return Err(error),
            }
        }
    })
}
