//! Returns the first error of accept, also EMFILE.
//!
//! rejected by: serves again after a shortage of descriptors
//! cause: EMFILE means that the process has no descriptor left

use std::{
    io::{self, Write},
    net::TcpListener,
    thread,
};

pub use crate::right_answers::listener::threads::listen;

pub fn serve(listener: &TcpListener, greeting: &[u8]) -> io::Result<()> {
    loop {
        let (mut stream, _) = listener.accept()?;
        let greeting = greeting.to_vec();
        thread::spawn(move || {
            stream.write_all(&greeting)?;
            io::copy(&mut stream, &mut io::sink()) // hangs here
        });
    }
}
