//! Unwraps the result of `handle`.
//!
//! rejected by: serves the next client after an error of `handle`
//! cause: turned the error of one client into a panic

use std::{
    io,
    net::{TcpListener, TcpStream},
    thread,
};

pub use crate::right_answers::backlog::polls::listen;

pub fn serve(
    listener: &TcpListener,
    workers: usize,
    handle: &(dyn Fn(TcpStream) -> io::Result<()> + Sync),
) -> io::Result<()> {
    let work = || -> io::Result<()> {
        loop {
            let (stream, _) = listener.accept()?;
            handle(stream).unwrap(); // panics here
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap()) // panics here
    })
}
