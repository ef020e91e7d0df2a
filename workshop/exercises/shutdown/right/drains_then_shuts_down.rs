//! Two threads: one accepts, and is woken by shutdown when the other, which stops, has taken the
//! queue.

use std::{
    collections::HashMap,
    io,
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Instant,
};

use socket2::SockRef;
use workshop::checks::shutdown::Stop;

#[derive(Default)]
struct Calls {
    open: Mutex<(u64, HashMap<u64, TcpStream>)>,
    fewer: Condvar,
}

fn begin(calls: &Arc<Calls>, stream: TcpStream, serve: fn(TcpStream)) {
    let mut open = calls.open.lock().unwrap();
    open.0 += 1;
    let number = open.0;
    open.1.insert(number, stream.try_clone().unwrap());
    let calls = Arc::clone(calls);
    thread::spawn(move || {
        serve(stream);
        calls.open.lock().unwrap().1.remove(&number);
        calls.fewer.notify_all();
    });
}

pub fn start(listener: TcpListener, serve: fn(TcpStream)) -> io::Result<Stop> {
    let (listener, calls) = (Arc::new(listener), Arc::new(Calls::default()));
    let (its_listener, its_calls) = (Arc::clone(&listener), Arc::clone(&calls));
    let acceptor = thread::spawn(move || {
        while let Ok((stream, _)) = its_listener.accept() {
            begin(&its_calls, stream, serve);
        }
    });
    Ok(Box::new(move |limit| {
        let deadline = Instant::now() + limit;
        listener.set_nonblocking(true)?;
        while let Ok((stream, _)) = listener.accept() {
            begin(&calls, stream, serve);
        }
        SockRef::from(&*listener).shutdown(Shutdown::Read).ok();
        acceptor.join().unwrap();
        drop(listener);
        let mut open = calls.open.lock().unwrap();
        let mut cut_off = 0;
        while !open.1.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() && cut_off == 0 {
                cut_off = open.1.len();
                open.1
                    .values()
                    .for_each(|call| drop(call.shutdown(Shutdown::Both)));
            }
            let waits = if left.is_zero() {
                limit + std::time::Duration::from_secs(9)
            } else {
                left
            };
            open = calls.fewer.wait_timeout(open, waits).unwrap().0;
        }
        Ok(cut_off)
    }))
}
