//! Waits for one end after the other, each time for the whole limit.
//!
//! rejected by: keeps the limit while calls end
//! cause: waited for the whole limit again each time

use std::{
    io,
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Weak, mpsc},
    thread,
};

use crate::right_answers::shutdown::polls::wait;
use workshop::checks::shutdown::Stop;

pub fn start(listener: TcpListener, serve: fn(TcpStream)) -> io::Result<Stop> {
    listener.set_nonblocking(true)?;
    let (heard, wish) = io::pipe()?;
    let (ended, over) = mpsc::channel();
    let acceptor = thread::spawn(move || {
        let mut calls = Vec::new();
        loop {
            let stopping = wait(&listener, &heard);
            while let Ok((stream, _)) = listener.accept() {
                let handle = Arc::new(stream.try_clone().unwrap());
                let weak = Arc::downgrade(&handle);
                let ended = ended.clone();
                let call = thread::spawn(move || {
                    serve(stream);
                    drop(handle);
                    let _ = ended.send(());
                });
                calls.push((call, weak));
            }
            if stopping {
                return calls;
            }
        }
    });
    Ok(Box::new(move |limit| {
        drop(wish);
        let calls = acceptor.join().unwrap();
        let mut open = calls.len() - over.try_iter().count();
        while open > 0 {
            match over.recv_timeout(limit) {
                Ok(()) => open -= 1,
                Err(_) => break,
            }
        }
        let late: Vec<_> = calls
            .iter()
            .filter_map(|(_, call)| Weak::upgrade(call))
            .collect();
        for handle in &late {
            let _ = handle.shutdown(Shutdown::Both);
        }
        let cut_off = late.len();
        drop(late);
        for (thread, _) in calls {
            let _ = thread.join();
        }
        Ok(cut_off)
    }))
}
