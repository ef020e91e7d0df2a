//! Lets workers wait for clients from a channel whose sender they hold themselves.
//!
//! rejected by: returns the error of accept
//! cause: the thread that accepts has ended

use std::{
    io,
    net::{TcpListener, TcpStream},
    sync::mpsc,
    thread,
};

pub use crate::right_answers::backlog::polls::listen;

pub fn serve(
    listener: &TcpListener,
    workers: usize,
    handle: &(dyn Fn(TcpStream) -> io::Result<()> + Sync),
) -> io::Result<()> {
    let (free, who_is_free) = mpsc::channel::<mpsc::Sender<TcpStream>>();
    // hangs here
    thread::scope(|scope| {
        for _ in 0..workers {
            let free = free.clone();
            scope.spawn(move || {
                let (mine, clients) = mpsc::channel();
                while free.send(mine.clone()).is_ok() {
                    let Ok(client) = clients.recv() else { return }; // hangs here
                    let _ = handle(client);
                }
            });
        }
        drop(free);
        let who_is_free = who_is_free; // dropped with the error: nobody needs a worker then
        loop {
            let worker = who_is_free.recv().expect("the workers wait for clients");
            let (client, _) = listener.accept()?;
            worker.send(client).expect("the worker is free");
        }
    })
}
