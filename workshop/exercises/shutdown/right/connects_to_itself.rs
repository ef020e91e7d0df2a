//! A connection to itself, known by its address, is the last in the queue to be accepted.

use std::{
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, OnceLock},
    thread,
    time::Instant,
};

use super::polls::Calls;
use socket2::{Domain, Socket, Type};
use workshop::checks::shutdown::Stop;

pub fn start(listener: TcpListener, serve: fn(TcpStream)) -> io::Result<Stop> {
    let addr = listener.local_addr()?;
    let last = Arc::new(OnceLock::<SocketAddr>::new());
    let known = Arc::clone(&last);
    let acceptor = thread::spawn(move || {
        let mut calls = Calls::default();
        loop {
            let Ok((stream, peer)) = listener.accept() else {
                continue;
            };
            if known.get() == Some(&peer) {
                return calls;
            }
            calls.begin(stream, serve);
        }
    });
    Ok(Box::new(move |limit| {
        let deadline = Instant::now() + limit;
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
        let ip = match addr {
            _ if !addr.ip().is_unspecified() => addr.ip(),
            SocketAddr::V4(_) => [127, 0, 0, 1].into(),
            SocketAddr::V6(_) => [0, 0, 0, 0, 0, 0, 0, 1].into(),
        };
        socket.bind(&SocketAddr::new(ip, 0).into())?;
        last.set(socket.local_addr()?.as_socket().unwrap()).unwrap();
        socket.connect(&SocketAddr::new(ip, addr.port()).into())?;
        Ok(acceptor.join().unwrap().finish(deadline))
    }))
}
