//! Serves as many clients as there are workers, then as many again.
//!
//! rejected by: serves the next as soon as a worker is free
//! cause: a batch of clients is waited for

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
