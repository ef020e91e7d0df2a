//! Returns EMFILE when it has failed twenty times.
//!
//! rejected by: tries again within a second, however long the shortage
//! cause: Either the loop has ended after an error that is not the listener's, such as EMFILE

use std::{
    io::{self, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

pub use crate::right_answers::listener::threads::listen;

pub fn serve(listener: &TcpListener, greeting: &[u8]) -> io::Result<()> {
    // hangs here
    thread::scope(|scope| {
        let mut tries = 0;
        loop {
            match listener.accept() {
                Ok((stream, _)) => {
                    scope.spawn(move || hold(stream, greeting));
                }
                Err(error) if error.raw_os_error() == Some(24) && tries < 20 => {
                    tries += 1;
                    thread::sleep(Duration::from_millis(50));
                }
                Err(error) => return Err(error),
            }
        }
    })
}

fn hold(mut stream: TcpStream, greeting: &[u8]) -> io::Result<u64> {
    stream.write_all(greeting)?;
    io::copy(&mut stream, &mut io::sink()) // hangs here
}
