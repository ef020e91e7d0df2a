//! Waits for the end of TIME_WAIT instead of setting the option.
//!
//! rejected by: takes the address back from TIME_WAIT
//! cause: TIME_WAIT keeps it for a minute

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
                thread::sleep(Duration::from_secs(1));
            }
            result => return result,
        }
    }
}

pub fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&addr.into())?;
    socket.listen(4096)?;
    Ok(socket.into())
}
