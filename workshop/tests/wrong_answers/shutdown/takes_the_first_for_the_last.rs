//! Treats the first connection after the stop signal as the one to itself.
//!
//! rejected by: serves the clients in the accept queue
//! cause: accept until the queue is empty

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
    let (addr, stopping) = (listener.local_addr()?, Arc::new(AtomicBool::new(false)));
    let heard = Arc::clone(&stopping);
    let acceptor = thread::spawn(move || {
        let mut calls = Calls::default();
        for stream in listener.incoming() {
            if heard.load(SeqCst) {
                break;
            }
            calls.begin(stream.unwrap(), serve);
        }
        calls
    });
    Ok(Box::new(move |limit| {
        let deadline = Instant::now() + limit;
        stopping.store(true, SeqCst);
        TcpStream::connect(addr)?;
        Ok(acceptor.join().unwrap().finish(deadline))
    }))
}
