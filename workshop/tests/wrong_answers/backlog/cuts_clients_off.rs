//! Shuts down the clients being served when accept fails.
//!
//! rejected by: waits for the clients being served when accept fails
//! cause: Let `handle` end first

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
    let clients = std::sync::Mutex::new(Vec::new());
    let work = || -> io::Result<()> {
        loop {
            let (stream, _) = match listener.accept() {
                Ok(accepted) => accepted,
                Err(error) => {
                    for client in clients.lock().unwrap().iter() {
                        let _ = TcpStream::shutdown(client, std::net::Shutdown::Both);
                    }
                    return Err(error);
                }
            };
            clients.lock().unwrap().push(stream.try_clone()?);
            let _ = handle(stream);
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().expect("`handle` does not panic"))
    })
}
