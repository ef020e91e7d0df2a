//! Gives each read of a call a second.
//!
//! rejected by: leaves the options of a connection alone
//! cause: which is for `serve` to decide

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
                stream
                    .set_read_timeout(Some(Duration::from_secs(1)))
                    .unwrap();
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
        Ok(acceptor.join().unwrap().finish(deadline))
    }))
}
