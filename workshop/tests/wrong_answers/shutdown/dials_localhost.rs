//! Connects to 127.0.0.1, whatever the listener's address is.
//!
//! rejected by: stops an idle server immediately
//! cause: local_addr returns

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
    let (port, stopping) = (
        listener.local_addr()?.port(),
        Arc::new(AtomicBool::new(false)),
    );
    let heard = Arc::clone(&stopping);
    let acceptor = thread::spawn(move || {
        let mut calls = Calls::default();
        while !heard.load(SeqCst) {
            calls.begin(listener.accept().unwrap().0, serve);
        }
        listener.set_nonblocking(true).unwrap();
        while let Ok((stream, _)) = listener.accept() {
            calls.begin(stream, serve);
        }
        calls
    });
    Ok(Box::new(move |limit| {
        let deadline = Instant::now() + limit;
        stopping.store(true, SeqCst);
        TcpStream::connect(("127.0.0.1", port))?;
        Ok(acceptor.join().unwrap().finish(deadline))
    }))
}
