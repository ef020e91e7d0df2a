//! Leaves the greeting in a BufWriter while it waits for the client.
//!
//! rejected by: greets a client that sends nothing
//! cause: is still in a BufWriter

use std::{
    io::{self, BufWriter, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

pub use crate::right_answers::listener::threads::listen;

pub fn serve(listener: &TcpListener, greeting: &[u8]) -> io::Result<()> {
    thread::scope(|scope| {
        loop {
            // hangs here
            match listener.accept() {
                Ok((stream, _)) => {
                    scope.spawn(move || hold(stream, greeting));
                }
                Err(error) if error.raw_os_error() == Some(24) => {
                    thread::sleep(Duration::from_millis(50));
                }
                Err(error) => return Err(error),
            }
        }
    })
}

fn hold(stream: TcpStream, greeting: &[u8]) -> io::Result<u64> {
    let mut writer = BufWriter::new(&stream);
    writer.write_all(greeting)?;
    io::copy(&mut &stream, &mut io::sink()) // hangs here
}
