//! Writes each greeting while it holds a lock.
//!
//! rejected by: greets a client while another does not read
//! cause: for a lock that it holds

use std::{
    io::{self, Write},
    net::TcpListener,
    sync::Mutex,
    thread,
    time::Duration,
};

pub use crate::right_answers::listener::threads::listen;

pub fn serve(listener: &TcpListener, greeting: &[u8]) -> io::Result<()> {
    let greeting = Mutex::new(greeting);
    thread::scope(|scope| {
        loop {
            // hangs here
            match listener.accept() {
                Ok((mut stream, _)) => {
                    let greeting = &greeting;
                    scope.spawn(move || {
                        stream.write_all(&greeting.lock().unwrap())?; // hangs here
                        io::copy(&mut stream, &mut io::sink()) // hangs here
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
