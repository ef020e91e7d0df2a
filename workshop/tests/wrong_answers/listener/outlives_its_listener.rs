//! Sleeps and tries again after every error.
//!
//! rejected by: returns the error of accept
//! cause: your thread sleeps before it tries again

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
                Err(_) => thread::sleep(Duration::from_millis(50)), // waits here
            }
        }
    })
}
