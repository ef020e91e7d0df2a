//! Accept times out, and a flag is looked at. What it accepts gets its time back.

use std::{
    io,
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use socket2::SockRef;
use workshop::checks::shutdown::Stop;

/// The calls that have begun.
#[derive(Default)]
struct Calls(Vec<(JoinHandle<()>, Weak<TcpStream>)>);

impl Calls {
    fn begin(&mut self, stream: TcpStream, serve: fn(TcpStream)) {
        let handle = Arc::new(stream.try_clone().unwrap());
        let weak = Arc::downgrade(&handle);
        let call = move || {
            serve(stream);
            drop(handle);
        };
        self.0.push((thread::spawn(call), weak));
    }

    /// Waits until all have ended, or to the deadline; then cuts off what is left.
    fn finish(self, deadline: Instant) -> usize {
        while Instant::now() < deadline && self.0.iter().any(|(thread, _)| !thread.is_finished()) {
            thread::sleep(Duration::from_millis(1));
        }
        let mut cut_off = 0;
        for (_, handle) in &self.0 {
            if let Some(handle) = handle.upgrade() {
                let _ = handle.shutdown(Shutdown::Both);
                cut_off += 1;
            }
        }
        for (thread, _) in self.0 {
            let _ = thread.join();
        }
        cut_off
    }
}

pub fn start(listener: TcpListener, serve: fn(TcpStream)) -> io::Result<Stop> {
    SockRef::from(&listener).set_read_timeout(Some(Duration::from_millis(20)))?;
    let stopping = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&stopping);
    let acceptor = thread::spawn(move || {
        let mut calls = Calls::default();
        loop {
            let stopping = heard.load(SeqCst);
            match listener.accept() {
                Ok((stream, _)) => {
                    stream.set_read_timeout(None).unwrap();
                    calls.begin(stream, serve);
                }
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
