//! Looks every millisecond whether a worker is free.
//!
//! rejected by: does not pause between two clients
//! cause: or at its workers

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
    let busy = std::sync::atomic::AtomicUsize::new(0);
    thread::scope(|scope| {
        loop {
            while busy.load(std::sync::atomic::Ordering::SeqCst) == workers {
                thread::sleep(std::time::Duration::from_millis(1));
            }
            let (stream, _) = listener.accept()?;
            busy.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let busy = &busy;
            scope.spawn(move || {
                let _ = handle(stream);
                busy.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
            });
        }
    })
}
