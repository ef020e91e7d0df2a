//! Accepts every client into a channel to the workers.
//!
//! rejected by: leaves clients in the accept queue while no worker is free
//! cause: a thread that only accepts passes them to the workers

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
    let (sender, receiver) = mpsc::channel::<TcpStream>();
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
