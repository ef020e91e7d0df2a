//! Four threads call accept on one listener, and each starts more threads.

use std::{
    io::{self, Write},
    net::{SocketAddr, TcpListener},
    thread,
    time::Duration,
};

use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockProtocol, SockType, SockaddrIn, SockaddrIn6, bind,
    listen as listen_, setsockopt, socket, sockopt::ReuseAddr,
};
use std::os::fd::AsRawFd;

pub fn listen(addr: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let family = match addr {
        SocketAddr::V4(_) => AddressFamily::Inet,
        SocketAddr::V6(_) => AddressFamily::Inet6,
    };
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket(family, SockType::Stream, flags, SockProtocol::Tcp)?;
    setsockopt(&socket, ReuseAddr, &true)?;
    match addr {
        SocketAddr::V4(addr) => bind(socket.as_raw_fd(), &SockaddrIn::from(addr))?,
        SocketAddr::V6(addr) => bind(socket.as_raw_fd(), &SockaddrIn6::from(addr))?,
    }
    listen_(&socket, Backlog::new(backlog)?)?;
    Ok(socket.into())
}

pub fn serve(listener: &TcpListener, greeting: &[u8]) -> io::Result<()> {
    thread::scope(|scope| {
        let accepting = || loop {
            match listener.accept() {
                Ok((mut stream, _)) => {
                    scope.spawn(move || {
                        stream.write_all(greeting)?;
                        io::copy(&mut stream, &mut io::sink())
                    });
                }
                Err(error) if error.raw_os_error() == Some(24) => {
                    thread::sleep(Duration::from_millis(20));
                }
                Err(error) => return Err(error),
            }
        };
        let others = [0; 3].map(|_| scope.spawn(accepting));
        let ended = accepting();
        for other in others {
            let _ = other.join();
        }
        ended
    })
}
