//! A hundred threads accept, and each serves one client until it leaves.
//!
//! rejected by: greets 150 clients that stay
//! cause: Read from each client in a thread of its own

use std::{
    io::{self, Write},
    net::TcpListener,
    thread,
    time::Duration,
};

pub use crate::right_answers::listener::threads::listen;

pub fn serve(listener: &TcpListener, greeting: &[u8]) -> io::Result<()> {
    let work = || loop {
        match listener.accept() {
            Ok((mut stream, _)) => {
                if stream.write_all(greeting).is_ok() {
                    let _ = io::copy(&mut stream, &mut io::sink()); // hangs here
                }
            }
            Err(error) if error.raw_os_error() == Some(24) => {
                thread::sleep(Duration::from_millis(50));
            }
            Err(error) => return Err(error),
        }
    };
    thread::scope(|scope| {
        for _ in 0..99 {
            scope.spawn(work);
        }
        work()
    })
}
