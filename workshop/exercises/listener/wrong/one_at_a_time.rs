//! Serves the first client until it leaves.
//!
//! rejected by: greets a client while another is silent
//! cause: Read from each client in a thread of its own

use std::{
    io::{self, Write},
    net::TcpListener,
};

pub use crate::right_answers::listener::threads::listen;

pub fn serve(listener: &TcpListener, greeting: &[u8]) -> io::Result<()> {
    loop {
        let (mut stream, _) = listener.accept()?;
        if stream.write_all(greeting).is_ok() {
            let _ = io::copy(&mut stream, &mut io::sink()); // hangs here
        }
    }
}
