//! Accepts with a timeout, which the accepted connections inherit.
//!
//! rejected by: leaves the options of a connection alone
//! cause: SO_RCVTIMEO on the listener

use std::{
    io,
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use crate::right_answers::shutdown::polls::Calls;
use socket2::SockRef;
use workshop::checks::shutdown::Stop;

pub fn start(listener: TcpListener, serve: fn(TcpStream)) -> io::Result<Stop> {
    SockRef::from(&listener).set_read_timeout(Some(Duration::from_millis(20)))?;
    let stopping = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&stopping);
    let acceptor = thread::spawn(move || {
        let mut calls = Calls::default();
        loop {
            let stopping = heard.load(SeqCst);
            match listener.accept() {
                Ok((stream, _)) => calls.begin(stream, serve),
                Err(_) if stopping => return calls,
                Err(_) => {}
            }
        }
    });
    Ok(Box::new(move |limit| {
        let deadline = Instant::now() + limit;
        stopping.store(true, SeqCst);
        Ok(acceptor.join().unwrap().finish(deadline))
    }))
}
