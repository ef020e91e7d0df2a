//! Sets O_NONBLOCK on each connection, so that no client delays another.
//!
//! rejected by: closes a connection when its call is over
//! cause: A read of a call returned WouldBlock

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
    let addr = listener.local_addr()?;
    let stopping = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&stopping);
    let acceptor = thread::spawn(move || {
        let mut calls = Calls::default();
        while let Ok((stream, _)) = listener.accept() {
            if heard.load(SeqCst) {
                break;
            }
            stream.set_nonblocking(true).unwrap();
            calls.begin(stream, serve);
        }
        calls
    });
    Ok(Box::new(move |limit| {
        let deadline = Instant::now() + limit;
        stopping.store(true, SeqCst);
        let _ = TcpStream::connect(addr);
        Ok(acceptor.join().unwrap().finish(deadline))
    }))
}
