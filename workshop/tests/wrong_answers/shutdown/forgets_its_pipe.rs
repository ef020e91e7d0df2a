//! Leaks the pipe that wakes its thread.
//!
//! rejected by: leaves no thread and no descriptor behind
//! cause: opened a descriptor and did not close it

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
        std::mem::forget(wish.try_clone()?);
        use std::io::Write;
        (&wish).write_all(b"stop")?;
        Ok(acceptor.join().unwrap().finish(deadline))
    }))
}
