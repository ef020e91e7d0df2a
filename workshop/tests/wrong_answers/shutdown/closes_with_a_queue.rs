//! Ends at the wish, whoever is in the queue.
//!
//! rejected by: serves who was queued
//! cause: accept until nobody is left in the queue

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
