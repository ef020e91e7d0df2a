//! Shuts down the listening socket, and with it its queue.
//!
//! rejected by: serves the clients in the accept queue
//! cause: resets the connections in the accept queue

use std::{
    io,
    net::{Shutdown, TcpListener, TcpStream},
    thread,
    time::Instant,
};

use crate::right_answers::shutdown::polls::Calls;
use socket2::SockRef;
use workshop::checks::shutdown::Stop;

pub fn start(listener: TcpListener, serve: fn(TcpStream)) -> io::Result<Stop> {
    let handle = listener.try_clone()?;
    let acceptor = thread::spawn(move || {
        let mut calls = Calls::default();
        while let Ok((stream, _)) = handle.accept() {
            calls.begin(stream, serve);
        }
        calls
    });
    Ok(Box::new(move |limit| {
        let deadline = Instant::now() + limit;
        SockRef::from(&listener).shutdown(Shutdown::Read)?;
        Ok(acceptor.join().unwrap().finish(deadline))
    }))
}
