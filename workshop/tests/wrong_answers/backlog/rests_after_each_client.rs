//! Sleeps for 5 ms after each client.
//!
//! rejected by: does not pause between two clients
//! cause: sleeps between two clients

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
            let _ = handle(stream);
            thread::sleep(std::time::Duration::from_millis(5));
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().expect("`handle` does not panic"))
    })
}
