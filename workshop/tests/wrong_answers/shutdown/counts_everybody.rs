//! Returns how many calls there were.
//!
//! rejected by: returns the number of closed connections
//! cause: Do not count the clients that were served

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
                return calls;
            }
        }
    });
    Ok(Box::new(move |limit| {
        let deadline = Instant::now() + limit;
        drop(wish);
        let calls = acceptor.join().unwrap();
        let count = calls.0.len();
        calls.finish(deadline);
        Ok(count)
    }))
}
