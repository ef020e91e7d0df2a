//! Calls accept again after every error.
//!
//! rejected by: returns the error of accept
//! cause: each call fails immediately

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
    // hangs here
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                // spins here
                for stream in listener.incoming().flatten() {
                    let _ = handle(stream);
                }
            });
        }
    });
    Ok(())
}
