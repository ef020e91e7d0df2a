//! Serves on the thread that accepts.
//!
//! rejected by: serves a client while another is silent
//! cause: start a thread for each call

use std::{
    io,
    net::{TcpListener, TcpStream},
    thread,
};

use crate::right_answers::shutdown::polls::wait;
use workshop::checks::shutdown::Stop;

pub fn start(listener: TcpListener, serve: fn(TcpStream)) -> io::Result<Stop> {
    listener.set_nonblocking(true)?;
    let (heard, wish) = io::pipe()?;
    let acceptor = thread::spawn(move || {
        loop {
            let stopping = wait(&listener, &heard);
            while let Ok((stream, _)) = listener.accept() {
                serve(stream); // hangs here
            }
            if stopping {
                return 0;
            }
        }
    });
    Ok(Box::new(move |_| {
        drop(wish);
        Ok(acceptor.join().unwrap())
    }))
}
