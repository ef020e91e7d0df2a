//! Sets a flag, which is looked at when the next client has come.
//!
//! rejected by: stops an idle server immediately
//! cause: It cannot look at a flag while it waits

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
    let stopping = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&stopping);
    let acceptor = thread::spawn(move || {
        let mut calls = Calls::default();
        while !heard.load(SeqCst) {
            // hangs here
            if let Ok((stream, _)) = listener.accept() {
                calls.begin(stream, serve);
            }
        }
        calls
    });
    Ok(Box::new(move |limit| {
        let deadline = Instant::now() + limit;
        stopping.store(true, SeqCst);
        Ok(acceptor.join().unwrap().finish(deadline)) // hangs here
    }))
}
