//! Accepts one client more than there are workers, and waits to send it over a channel without room.
//!
//! rejected by: leaves clients in the accept queue while no worker is free
//! cause: even a channel without room is ahead by one

use std::{
    io,
    net::{TcpListener, TcpStream},
    sync::{Mutex, mpsc},
    thread,
};

pub use crate::right_answers::backlog::polls::listen;

pub fn serve(
    listener: &TcpListener,
    workers: usize,
    handle: &(dyn Fn(TcpStream) -> io::Result<()> + Sync),
) -> io::Result<()> {
    let (sender, receiver) = mpsc::sync_channel::<TcpStream>(0);
    let receiver = Mutex::new(receiver);
    let work = || loop {
        let next = receiver.lock().unwrap().recv();
        let Ok(stream) = next else { return };
        let _ = handle(stream);
    };
    thread::scope(|scope| {
        let sender = sender;
        for _ in 0..workers {
            scope.spawn(work);
        }
        loop {
            let (stream, _) = listener.accept()?;
            sender.send(stream).expect("the workers wait for it");
        }
    })
}
