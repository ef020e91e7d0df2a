//! Shuts down the receiving half at the limit.
//!
//! rejected by: has one limit for all calls
//! cause: shutdown(Read) ends reads only

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
        let deadline = Instant::now() + limit;
        drop(wish);
        let calls = acceptor.join().unwrap().0;
        while Instant::now() < deadline && calls.iter().any(|(thread, _)| !thread.is_finished()) {
            thread::sleep(Duration::from_millis(1));
        }
        let late: Vec<_> = calls
            .iter()
            .filter_map(|(_, handle)| handle.upgrade())
            .collect();
        let cut_off = late.len();
        late.iter()
            .for_each(|handle| drop(handle.shutdown(Shutdown::Read)));
        drop(late);
        for (thread, _) in calls {
            let _ = thread.join(); // hangs here
        }
        Ok(cut_off)
    }))
}
