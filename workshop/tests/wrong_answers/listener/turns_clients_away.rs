//! Keeps a descriptor in reserve, and uses it to close the clients that come during a shortage.
//!
//! rejected by: serves again after a shortage of descriptors
//! cause: Your end has closed the connection before it sent the greeting

use std::{
    io::{self, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

pub use crate::right_answers::listener::threads::listen;

pub fn serve(listener: &TcpListener, greeting: &[u8]) -> io::Result<()> {
    let mut reserve = Some(std::fs::File::open("/dev/null")?);
    thread::scope(|scope| {
        loop {
            match listener.accept() {
                Ok((stream, _)) => {
                    scope.spawn(move || hold(stream, greeting));
                }
                Err(error) if error.raw_os_error() == Some(24) => {
                    drop(reserve.take());
                    drop(listener.accept());
                    reserve = std::fs::File::open("/dev/null").ok();
                    thread::sleep(Duration::from_millis(5));
                }
                Err(error) => return Err(error),
            }
        }
    })
}

fn hold(mut stream: TcpStream, greeting: &[u8]) -> io::Result<u64> {
    stream.write_all(greeting)?;
    io::copy(&mut stream, &mut io::sink())
}
