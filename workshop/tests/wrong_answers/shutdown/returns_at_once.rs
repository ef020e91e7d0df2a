//! Does not wait for the calls under way: the program may end, and they with it.
//!
//! rejected by: lets the calls under way end
//! cause: Wait for the threads that serve

use std::{
    io,
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
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
        let _: Duration = limit;
        drop(wish);
        acceptor.join().unwrap();
        Ok(0)
    }))
}
