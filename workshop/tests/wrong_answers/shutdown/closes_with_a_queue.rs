//! Ends at the stop signal, with clients in the accept queue.
//!
//! rejected by: serves the clients in the accept queue
//! cause: accept until the queue is empty

use std::{
    io,
    net::{TcpListener, TcpStream},
    thread,
    time::Instant,
};

use crate::right_answers::shutdown::polls::{Calls, wait};
use workshop::checks::shutdown::Stop;

pub fn start(listener: TcpListener, serve: fn(TcpStream)) -> io::Result<Stop> {
    listener.set_nonblocking(true)?;
    let (heard, wish) = io::pipe()?;
    let acceptor = thread::spawn(move || {
        let mut calls = Calls::default();
        loop {
            if wait(&listener, &heard) {
                return calls;
            }
            if let Ok((stream, _)) = listener.accept() {
                calls.begin(stream, serve);
            }
        }
    });
    Ok(Box::new(move |limit| {
        let deadline = Instant::now() + limit;
        drop(wish);
        Ok(acceptor.join().unwrap().finish(deadline))
    }))
}
