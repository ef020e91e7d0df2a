//! Keeps the listener open until the last call is over.
//!
//! rejected by: refuses new clients while calls go on
//! cause: the kernel completes connections for it

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
            let stopping = wait(&listener, &heard);
            while let Ok((stream, _)) = listener.accept() {
                calls.begin(stream, serve);
            }
            if stopping {
                return (calls, listener);
            }
        }
    });
    Ok(Box::new(move |limit| {
        let deadline = Instant::now() + limit;
        drop(wish);
        let (calls, _listener) = acceptor.join().unwrap();
        Ok(calls.finish(deadline)) // waits here
    }))
}
