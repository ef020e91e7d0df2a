//! One thread accepts, when a worker has told it that it is free, and hands over to that worker.

use std::{
    io,
    net::{TcpListener, TcpStream},
    sync::mpsc,
    thread,
};

pub use super::asks_afterwards::listen;

pub fn serve(
    listener: &TcpListener,
    workers: usize,
    handle: &(dyn Fn(TcpStream) -> io::Result<()> + Sync),
) -> io::Result<()> {
    let (free, who_is_free) = mpsc::channel::<mpsc::Sender<TcpStream>>();
    thread::scope(|scope| {
        for _ in 0..workers {
            let free = free.clone();
            scope.spawn(move || {
                loop {
                    let (mine, clients) = mpsc::channel();
                    let Ok(()) = free.send(mine) else { return };
                    let Ok(client) = clients.recv() else { return };
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
