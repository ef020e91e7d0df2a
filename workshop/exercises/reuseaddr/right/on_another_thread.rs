//! Odd: a thread of its own makes the calls, non-blocking until they are done, and hands the listener over a channel.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::mpsc,
    thread,
};

use socket2::{Domain, Socket, Type};

pub fn restart(addr: SocketAddr) -> io::Result<TcpListener> {
    let (sender, receiver) = mpsc::channel();
    let caller = thread::spawn(move || sender.send(listen(addr)));
    let listener = receiver.recv().expect("the thread sends one result");
    let _ = caller.join();
    listener
}

pub fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.set_keepalive(true)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&addr.into())?;
    socket.listen(4096)?;
    socket.set_nonblocking(false)?;
    Ok(socket.into())
}
