//! Closes its clients to get descriptors.
//!
//! rejected by: serves again after a shortage of descriptors
//! cause: This client was connected before the shortage

use std::{
    io::{self, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

pub use crate::right_answers::listener::threads::listen;

pub fn serve(listener: &TcpListener, greeting: &[u8]) -> io::Result<()> {
    let clients = std::sync::Mutex::new(Vec::<TcpStream>::new());
    thread::scope(|scope| {
        loop {
            match listener.accept() {
                Ok((stream, _)) => {
                    if let Ok(clone) = stream.try_clone() {
                        clients.lock().unwrap().push(clone);
                    }
                    scope.spawn(move || hold(stream, greeting));
                }
                Err(error) if error.raw_os_error() == Some(24) => {
                    for client in clients.lock().unwrap().drain(..) {
                        let _ = client.shutdown(std::net::Shutdown::Both);
                    }
                    thread::sleep(Duration::from_millis(50));
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
