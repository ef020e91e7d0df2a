//! Waits for the first byte of a client before it calls `handle`.
//!
//! rejected by: serves as many clients at once as it has workers
//! cause: before it calls `handle`

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
            // hangs here
            let (stream, _) = listener.accept()?;
            let _ = stream.peek(&mut [0]); // hangs here
            let _ = handle(stream);
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
