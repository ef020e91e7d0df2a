//! Starts a thread for each client.
//!
//! rejected by: leaves clients in the accept queue while no worker is free
//! cause: Your code starts a thread for each client

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
    let _ = workers;
    thread::scope(|scope| {
        loop {
            let (stream, _) = listener.accept()?;
            scope.spawn(move || handle(stream));
        }
    })
}
