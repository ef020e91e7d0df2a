//! Does not wait for the thread that accepts, which goes on.
//!
//! rejected by: stops an idle server immediately
//! cause: a thread of yours waits for the next client

use std::{
    io,
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Instant,
};

use crate::right_answers::shutdown::polls::Calls;
use workshop::checks::shutdown::Stop;

pub fn start(listener: TcpListener, serve: fn(TcpStream)) -> io::Result<Stop> {
    let calls = Arc::new(Mutex::new(Calls::default()));
    let its_calls = Arc::clone(&calls);
    thread::spawn(move || {
        // hangs here
        while let Ok((stream, _)) = listener.accept() {
            its_calls.lock().unwrap().begin(stream, serve);
        }
    });
    Ok(Box::new(move |limit| {
        let calls = std::mem::take(&mut *calls.lock().unwrap());
        Ok(calls.finish(Instant::now() + limit))
    }))
}
