//! Joins the threads of the calls, however long they take.
//!
//! rejected by: closes what is left at the limit
//! cause: At the limit your code must end that

use std::{
    io,
    net::{TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
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
        let _ = limit;
        drop(wish);
        let for_ever = Instant::now() + Duration::from_secs(3600);
        Ok(acceptor.join().unwrap().finish(for_ever)) // waits here
    }))
}
