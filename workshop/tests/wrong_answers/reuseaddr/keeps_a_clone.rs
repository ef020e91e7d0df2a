//! Keeps a clone of every listener.
//!
//! rejected by: leaves an address that can be taken back again
//! cause: still listens there: a clone that your code keeps

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::{Mutex, PoisonError},
};

use socket2::{Domain, Socket, Type};

static LISTENERS: Mutex<Vec<TcpListener>> = Mutex::new(Vec::new());

pub fn restart(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&addr.into())?;
    socket.listen(4096)?;
    let listener = TcpListener::from(socket);
    let mut listeners = LISTENERS.lock().unwrap_or_else(PoisonError::into_inner);
    listeners.push(listener.try_clone()?);
    Ok(listener)
}
