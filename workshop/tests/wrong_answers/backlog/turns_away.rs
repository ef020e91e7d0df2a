//! Closes clients for which no worker is free.
//!
//! rejected by: leaves clients in the accept queue while no worker is free
//! cause: and closed them

use std::{
    io,
    net::{TcpListener, TcpStream},
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    thread,
};

pub use crate::right_answers::backlog::polls::listen;

pub fn serve(
    listener: &TcpListener,
    workers: usize,
    handle: &(dyn Fn(TcpStream) -> io::Result<()> + Sync),
) -> io::Result<()> {
    let busy = AtomicUsize::new(0);
    thread::scope(|scope| {
        loop {
            let (stream, _) = listener.accept()?;
            if busy.load(SeqCst) == workers {
                continue; // the stream is dropped
            }
            busy.fetch_add(1, SeqCst);
            let busy = &busy;
            scope.spawn(move || {
                let _ = handle(stream);
                busy.fetch_sub(1, SeqCst);
            });
        }
    })
}
