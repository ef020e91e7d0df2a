//! Keeps a clone of each connection.
//!
//! rejected by: serves the next client when a worker is free
//! cause: your code keeps a clone

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
    let clients = std::sync::Mutex::new(Vec::new());
    let work = || -> io::Result<()> {
        loop {
            let (stream, _) = listener.accept()?;
            clients.lock().unwrap().push(stream.try_clone()?);
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
