//! Serves clients in batches of as many as there are workers.
//!
//! rejected by: serves the next client when a worker is free
//! cause: waits for the last client of a batch

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
    loop {
        // hangs here
        thread::scope(|scope| {
            for _ in 0..workers {
                let (stream, _) = listener.accept()?;
                scope.spawn(move || handle(stream)); // hangs here
            }
            io::Result::Ok(())
        })?;
    }
}
