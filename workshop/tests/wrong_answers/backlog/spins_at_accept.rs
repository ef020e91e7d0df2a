//! Asks a non-blocking listener for clients without a pause.
//!
//! rejected by: waits without spinning
//! cause: a non-blocking listener is asked without a pause

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
    listener.set_nonblocking(true)?;
    let work = || -> io::Result<()> {
        loop {
            // spins here
            let stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue, // spins here
                Err(error) => return Err(error),
            };
            let _ = handle(stream); // hangs here
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            // hangs here
            .try_for_each(|worker| worker.join().expect("`handle` does not panic"))
    })
}
