//! Keeps a handle of each connection for the limit, also when the call is over.
//!
//! rejected by: closes a connection when its call is over
//! cause: The kernel sends the FIN when the last handle is closed

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
            let stopping = wait(&listener, &heard); // hangs here
            while let Ok((stream, _)) = listener.accept() {
                let handle = stream.try_clone().unwrap();
                calls.push((thread::spawn(move || serve(stream)), handle));
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
