//! Ends the worker when `handle` returns an error.
//!
//! rejected by: serves the next client after an error of `handle`
//! cause: the error of one client

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
            handle(stream)?;
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap())
    })
}
