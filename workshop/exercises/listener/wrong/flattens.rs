//! Skips every error of accept, and spins when there is nothing but errors.
//!
//! rejected by: returns the error of accept
//! cause: Your loop calls accept again and again

use std::{
    io::{self, Write},
    net::TcpListener,
    thread,
};

pub use crate::right_answers::listener::threads::listen;

pub fn serve(listener: &TcpListener, greeting: &[u8]) -> io::Result<()> {
    thread::scope(|scope| {
        // spins here
        for mut stream in listener.incoming().flatten() {
            scope.spawn(move || {
                stream.write_all(greeting)?;
                io::copy(&mut stream, &mut io::sink())
            });
        }
        Ok(())
    })
}
