//! Asks each connection for its peer, and ends the worker when it has none.
//!
//! rejected by: survives a reset in the accept queue
//! cause: the error of one client

use std::{
    io,
    net::{TcpListener, TcpStream},
    thread,
};

pub use crate::right_answers::backlog::asks_afterwards::listen;

pub fn serve(
    listener: &TcpListener,
    workers: usize,
    handle: &(dyn Fn(TcpStream) -> io::Result<()> + Sync),
) -> io::Result<()> {
    let work = || -> io::Result<()> {
        loop {
            let (stream, _) = listener.accept()?;
            stream.peer_addr()?;
            let _ = handle(stream);
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().expect("`handle` does not panic"))
    })
}
