//! Shuts down the receiving half of each connection at the stop signal.
//!
//! rejected by: lets the calls under way end
//! cause: closed the connection or one half of it

use std::{
    io,
    net::{Shutdown, TcpListener, TcpStream},
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
        for handle in calls.0.iter().filter_map(|(_, handle)| handle.upgrade()) {
            let _ = handle.shutdown(Shutdown::Read);
        }
        Ok(calls.finish(deadline))
    }))
}
