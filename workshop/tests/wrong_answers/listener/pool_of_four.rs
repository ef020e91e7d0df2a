//! Serves all clients with four threads.
//!
//! rejected by: greets 150 clients that stay
//! cause: A fixed number of threads is a fixed number of clients

use std::{
    io::{self, Write},
    net::{TcpListener, TcpStream},
    sync::{Mutex, mpsc},
    thread,
    time::Duration,
};

pub use crate::right_answers::listener::threads::listen;

pub fn serve(listener: &TcpListener, greeting: &[u8]) -> io::Result<()> {
    let (sender, receiver) = mpsc::channel::<TcpStream>();
    let receiver = Mutex::new(receiver);
    let work = || loop {
        let next = receiver.lock().unwrap().recv();
        let Ok(mut stream) = next else { return };
        if stream.write_all(greeting).is_ok() {
            let _ = io::copy(&mut stream, &mut io::sink()); // hangs here
        }
    };
    thread::scope(|scope| {
        let sender = sender;
        for _ in 0..4 {
            scope.spawn(work);
        }
        loop {
            // hangs here
            match listener.accept() {
                Ok((stream, _)) => sender.send(stream).expect("the threads wait for it"),
                Err(error) if error.raw_os_error() == Some(24) => {
                    thread::sleep(Duration::from_millis(50));
                }
                Err(error) => return Err(error),
            }
        }
    })
}
