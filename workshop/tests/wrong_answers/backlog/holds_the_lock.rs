//! Holds a lock of the listener while `handle` runs.
//!
//! rejected by: serves as many clients at once as it has workers
//! cause: holds a lock while

use std::{
    io,
    net::{TcpListener, TcpStream},
    sync::Mutex,
    thread,
};

pub use crate::right_answers::backlog::polls::listen;

pub fn serve(
    listener: &TcpListener,
    workers: usize,
    handle: &(dyn Fn(TcpStream) -> io::Result<()> + Sync),
) -> io::Result<()> {
    let listener = Mutex::new(listener);
    let work = || -> io::Result<()> {
        loop {
            let next = listener.lock().unwrap(); // hangs here
            let (stream, _) = next.accept()?;
            let _ = handle(stream); // hangs here
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap()) // hangs here
    })
}
