//! Waits for one call after the other, and gives the whole limit to each.
//!
//! rejected by: has one limit for all calls
//! cause: Compute one deadline

use std::{
    io,
    net::{Shutdown, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use crate::right_answers::shutdown::polls::{Calls, wait};
use workshop::checks::shutdown::Stop;

pub fn start(listener: TcpListener, serve: fn(TcpStream)) -> io::Result<Stop> {
    listener.set_nonblocking(true)?;
    let (heard, wish) = io::pipe()?;
    let acceptor = thread::spawn(move || {
        let mut calls = Calls::default();
        loop {
            let stopping = wait(&listener, &heard);
            while let Ok((stream, _)) = listener.accept() {
                calls.begin(stream, serve);
            }
            if stopping {
                return calls;
            }
        }
    });
    Ok(Box::new(move |limit| {
        drop(wish);
        let mut cut_off = 0;
        for (thread, handle) in acceptor.join().unwrap().0 {
            let started = Instant::now();
            while !thread.is_finished() && started.elapsed() < limit {
                thread::sleep(Duration::from_millis(1));
            }
            if let Some(handle) = handle.upgrade() {
                let _ = handle.shutdown(Shutdown::Both);
                cut_off += 1;
            }
            let _ = thread.join();
        }
        Ok(cut_off)
    }))
}
