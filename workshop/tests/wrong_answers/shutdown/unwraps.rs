//! Panics where a connection has been reset by the time it is shut down.
//!
//! rejected by: continues after a reset
//! cause: `unwrap` and `expect` turn that into a panic

use std::{
    io,
    net::{Shutdown, TcpListener, TcpStream},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::right_answers::shutdown::polls::wait;
use workshop::checks::shutdown::Stop;

pub fn start(listener: TcpListener, serve: fn(TcpStream)) -> io::Result<Stop> {
    listener.set_nonblocking(true)?;
    let (heard, wish) = io::pipe()?;
    let acceptor = thread::spawn(move || {
        let mut calls: Vec<(JoinHandle<()>, TcpStream)> = Vec::new();
        loop {
            let stopping = wait(&listener, &heard);
            while let Ok((stream, _)) = listener.accept() {
                let (handle, mine) = (stream.try_clone().unwrap(), stream.try_clone().unwrap());
                let call = move || {
                    serve(stream);
                    mine.shutdown(Shutdown::Both).unwrap(); // panics here
                };
                calls.push((thread::spawn(call), handle));
            }
            if stopping {
                return calls;
            }
        }
    });
    Ok(Box::new(move |limit| {
        let deadline = Instant::now() + limit;
        drop(wish);
        let mut calls = acceptor.join().unwrap();
        while Instant::now() < deadline && !calls.is_empty() {
            calls.retain(|(thread, _)| !thread.is_finished());
            thread::sleep(Duration::from_millis(1));
        }
        for (_, handle) in &calls {
            let _ = handle.shutdown(Shutdown::Both);
        }
        Ok(calls.into_iter().map(|(thread, _)| thread.join()).count())
    }))
}
