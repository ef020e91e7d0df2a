//! One thread accepts, but only with a permit in its hand; a new thread serves, and gives it back.

use std::{
    io,
    net::{TcpListener, TcpStream},
    sync::{Condvar, Mutex},
    thread,
};

pub use super::asks_afterwards::listen;

pub fn serve(
    listener: &TcpListener,
    workers: usize,
    handle: &(dyn Fn(TcpStream) -> io::Result<()> + Sync),
) -> io::Result<()> {
    let (permits, given_back) = (Mutex::new(workers), Condvar::new());
    thread::scope(|scope| {
        loop {
            let left = permits.lock().unwrap();
            *given_back.wait_while(left, |left| *left == 0).unwrap() -= 1;
            let (stream, _) = listener.accept()?;
            let (permits, given_back) = (&permits, &given_back);
            scope.spawn(move || {
                let _ = handle(stream);
                *permits.lock().unwrap() += 1;
                given_back.notify_one();
            });
        }
    })
}
