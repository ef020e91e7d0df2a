//! Calls `handle` in the loop that accepts.
//!
//! rejected by: serves as many clients at once as it has workers
//! cause: the thread that accepts calls `handle` itself

use std::{
    io,
    net::{TcpListener, TcpStream},
};

pub use crate::right_answers::backlog::polls::listen;

pub fn serve(
    listener: &TcpListener,
    workers: usize,
    handle: &(dyn Fn(TcpStream) -> io::Result<()> + Sync),
) -> io::Result<()> {
    let _ = workers;
    loop {
        let (stream, _) = listener.accept()?;
        let _ = handle(stream); // hangs here
    }
}
