//! A listening socket with its options in one place. Lesson `listener` spells the calls out; the
//! point here is the order, because each option is read by the call after it: `bind` reads
//! SO_REUSEADDR and IPV6_V6ONLY, `listen` takes the backlog, and the first
//! SYN finds the buffer's size.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener},
};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::{fault::Attempt, table};

/// What a listener is opened with. The default is what `TcpListener::bind` does on Unix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// Bind although old connections of this port are in TIME_WAIT (socket(7), SO_REUSEADDR).
    pub reuse_address: bool,
    /// Share the port with other listeners that set this too (socket(7), SO_REUSEPORT).
    pub reuse_port: bool,
    /// Connections that may wait for `accept`, cut to `net.core.somaxconn` (listen(2)).
    pub backlog: i32,
    /// An IPv6 listener takes IPv6 peers only (ipv6(7), IPV6_V6ONLY).
    /// `None` leaves the system's default.
    pub v6only: Option<bool>,
    /// The receive buffer of accepted connections, in bytes (socket(7), SO_RCVBUF; they inherit it,
    /// and Linux doubles it). `None` leaves it to the kernel, which lets it grow as needed.
    pub recv_buffer: Option<usize>,
    /// Accepted connections send small segments at once (tcp(7), TCP_NODELAY; they inherit it).
    pub no_delay: bool,
}

impl Default for Listen {
    fn default() -> Listen {
        Listen {
            reuse_address: true,
            reuse_port: false,
            backlog: 128,
            v6only: None,
            recv_buffer: None,
            no_delay: false,
        }
    }
}

impl Listen {
    /// The default, with this backlog.
    #[must_use]
    pub fn with_backlog(backlog: i32) -> Listen {
        Listen {
            backlog,
            ..Listen::default()
        }
    }

    /// Opens the listener.
    ///
    /// # Errors
    /// The address is taken ([`io::ErrorKind::AddrInUse`]), not this machine's
    /// (`AddrNotAvailable`), or a port below 1024 without the privilege (`PermissionDenied`).
    pub fn on(self, addr: SocketAddr) -> io::Result<TcpListener> {
        self.open(addr)
            .attempt_to_listen(addr, table::Protocol::Tcp)
    }

    fn open(self, addr: SocketAddr) -> io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(self.reuse_address)?;
        if self.reuse_port {
            socket.set_reuse_port(true)?;
        }
        if let (true, Some(v6only)) = (addr.is_ipv6(), self.v6only) {
            socket.set_only_v6(v6only)?;
        }
        if let Some(bytes) = self.recv_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        if self.no_delay {
            socket.set_tcp_nodelay(true)?;
        }
        socket.bind(&addr.into())?;
        socket.listen(self.backlog)?;
        Ok(socket.into())
    }
}

/// Shuts a listener down when dropped, for all its handles: accept returns an error to the threads
/// that wait in it, and the kernel resets the queued clients.
///
/// A `thread::scope` joins its threads before an error leaves it. Create
/// one of these in the scope's body for each listener that its threads
/// wait on. The threads then end on every path out of the body.
#[derive(Debug)]
pub struct ShutOnDrop<'a>(pub &'a TcpListener);

impl Drop for ShutOnDrop<'_> {
    fn drop(&mut self) {
        // Linux shuts a listening socket down as a close would (lesson `shutdown`).
        let _ = SockRef::from(self.0).shutdown(Shutdown::Read);
    }
}

/// Where a client on the same machine reaches a listener: loopback, if
/// that listens at every address.
#[must_use]
pub fn reachable(mut addr: SocketAddr) -> SocketAddr {
    if addr.ip().is_unspecified() {
        addr.set_ip(match addr {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    addr
}

#[cfg(test)]
mod tests {
    use super::{Listen, reachable};
    use crate::{
        peer::connected,
        table::{End, Kernel},
    };
    use socket2::SockRef;
    use std::io::ErrorKind;

    #[test]
    fn the_kernel_shows_the_backlog_that_was_asked_for() {
        let listener = Listen {
            backlog: 7,
            ..Listen::default()
        }
        .on("127.0.0.1:0".parse().unwrap())
        .unwrap();
        let table = Kernel::sock_diag().unwrap().table().unwrap();
        let row = table.find(End::of(&listener).unwrap()).unwrap();
        assert_eq!(row.backlog, Some(7));
    }

    #[test]
    fn an_accepted_connection_has_the_receive_buffer_that_was_asked_for() {
        let listener = Listen {
            recv_buffer: Some(8 << 10),
            ..Listen::default()
        }
        .on("127.0.0.1:0".parse().unwrap())
        .unwrap();
        let (_client, server, _) = connected(&listener).unwrap();
        let bytes = SockRef::from(&server).recv_buffer_size().unwrap();
        assert!((8 << 10..=16 << 10).contains(&bytes), "{bytes}"); // Linux doubles it
    }

    #[test]
    fn an_address_in_use_is_named_in_the_error() {
        let first = Listen::default()
            .on("127.0.0.1:0".parse().unwrap())
            .unwrap();
        let addr = first.local_addr().unwrap();
        let error = Listen::default().on(addr).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(
            error
                .to_string()
                .starts_with(&format!("cannot listen on {addr}: ")),
            "{error}"
        );
    }

    #[test]
    fn every_address_is_reached_by_loopback() {
        for (listening, reached) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("192.0.2.1:80", "192.0.2.1:80"),
        ] {
            let addr = reachable(listening.parse().unwrap());
            assert_eq!(addr, reached.parse().unwrap());
        }
    }
}
