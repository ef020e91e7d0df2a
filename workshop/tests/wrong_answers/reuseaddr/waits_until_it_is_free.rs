//! Sleeps and tries again until the address is free.
//!
//! rejected by: returns AddrInUse while a server listens
//! cause: waits until some time is over

use std::{
    io,
    net::{SocketAddr, TcpListener},
    thread,
    time::Duration,
};

use socket2::{Domain, Socket, Type};

pub fn restart(addr: SocketAddr) -> io::Result<TcpListener> {
    loop {
        match listen(addr) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                thread::sleep(Duration::from_millis(200));
            }
            result => return result,
        }
    }
}

pub fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&addr.into())?;
    socket.listen(4096)?;
    Ok(socket.into())
}
