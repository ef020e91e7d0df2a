//! Asks a non-blocking listener again and again.
//!
//! rejected by: waits without spinning
//! cause: look for work again and again

use std::{
    io,
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::Instant,
};

use crate::right_answers::shutdown::polls::Calls;
use workshop::checks::shutdown::Stop;

pub fn start(listener: TcpListener, serve: fn(TcpStream)) -> io::Result<Stop> {
    listener.set_nonblocking(true)?;
    let stopping = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&stopping);
    let acceptor = thread::spawn(move || {
        let mut calls = Calls::default();
        // spins here
        loop {
            let stopping = heard.load(SeqCst); // spins here
            // spins here
            match listener.accept() {
                Ok((stream, _)) => calls.begin(stream, serve),
                Err(_) if stopping => return calls, // spins here
                Err(_) => {}                        // spins here
            }
        }
    });
    Ok(Box::new(move |limit| {
        let deadline = Instant::now() + limit;
        stopping.store(true, SeqCst);
        Ok(acceptor.join().unwrap().finish(deadline))
    }))
}
