//! Drops its handle of the listener, and waits for the thread that has another.
//!
//! rejected by: stops an idle server immediately
//! cause: nothing wakes it

use std::{
    io,
    net::{TcpListener, TcpStream},
    thread,
    time::Instant,
};

use crate::right_answers::shutdown::polls::Calls;
use workshop::checks::shutdown::Stop;

pub fn start(listener: TcpListener, serve: fn(TcpStream)) -> io::Result<Stop> {
    let handle = listener.try_clone()?;
    let acceptor = thread::spawn(move || {
        let mut calls = Calls::default();
        // hangs here
        while let Ok((stream, _)) = handle.accept() {
            calls.begin(stream, serve);
        }
        calls
    });
    Ok(Box::new(move |limit| {
        let deadline = Instant::now() + limit;
        drop(listener);
        Ok(acceptor.join().unwrap().finish(deadline)) // hangs here
    }))
}
