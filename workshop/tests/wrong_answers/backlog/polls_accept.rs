//! Asks a non-blocking listener for clients every 20 ms.
//!
//! rejected by: waits for clients in accept or poll
//! cause: sleeps between two looks at the accept queue

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
    listener.set_nonblocking(true)?;
    let work = || -> io::Result<()> {
        loop {
            let stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    thread::sleep(std::time::Duration::from_millis(20));
                    continue;
                }
                Err(error) => return Err(error),
            };
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
