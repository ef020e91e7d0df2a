//! Which row is meant: an end is known by its addresses, because not every row belongs to a socket
//! (TIME_WAIT does not).

use std::{fmt, io, net::SocketAddr, os::fd::AsFd};

use socket2::{SockRef, Type};

use super::{Protocol, Row, State, canonical};

/// Which row is meant: a listener, one end of a connection, or a UDP socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// TCP's or UDP's: both can have the same addresses.
    pub protocol: Protocol,
    /// This end's address.
    pub local: SocketAddr,
    /// The other end's; `None` for a listener and a UDP socket that is not connected.
    pub peer: Option<SocketAddr>,
}

impl End {
    /// The end that a socket of ours is, TCP or UDP, connected or not.
    ///
    /// # Errors
    /// The socket has no address of an IP family.
    pub fn of(socket: &impl AsFd) -> io::Result<End> {
        let socket = SockRef::from(socket);
        let not_ip = || io::Error::new(io::ErrorKind::InvalidInput, "not an IP socket");
        let local = socket.local_addr()?.as_socket().ok_or_else(not_ip)?;
        let peer = socket.peer_addr().ok().and_then(|addr| addr.as_socket());
        let protocol = match socket.r#type()? {
            Type::DGRAM => Protocol::Udp,
            _ => Protocol::Tcp,
        };
        Ok(End {
            protocol,
            local,
            peer,
        })
    }

    /// The TCP listener on this address.
    #[must_use]
    pub fn listener(local: SocketAddr) -> End {
        End {
            protocol: Protocol::Tcp,
            local,
            peer: None,
        }
    }

    /// The end of a TCP connection with these two addresses.
    #[must_use]
    pub fn between(local: SocketAddr, peer: SocketAddr) -> End {
        End {
            protocol: Protocol::Tcp,
            local,
            peer: Some(peer),
        }
    }

    /// The same connection seen from its other end. A listener is its own other end.
    #[must_use]
    pub fn other(self) -> End {
        match self.peer {
            Some(peer) => End {
                protocol: self.protocol,
                local: peer,
                peer: Some(self.local),
            },
            None => self,
        }
    }

    /// The clients' ends of all connections to this address; the server's ends are its
    /// [`End::other`]. Port 0, which no connection has, stands for any address here.
    #[must_use]
    pub fn all_to(server: SocketAddr) -> End {
        End::between(SocketAddr::from(([0; 4], 0)), server)
    }

    /// Whether it stands for any number of rows.
    pub(crate) fn is_many(self) -> bool {
        self.local.port() == 0 || self.peer.is_some_and(|peer| peer.port() == 0)
    }

    /// Whether this is the end's row. An IPv4 peer of a dual-stack socket stands in the table as
    /// `::ffff:a.b.c.d` at one end and as `a.b.c.d` at the other: both are the same address here.
    pub fn is(self, row: &Row) -> bool {
        let is = |addr: SocketAddr, of| addr.port() == 0 || canonical(addr) == canonical(of);
        let alone = match self.protocol {
            Protocol::Tcp => State::Listen,
            Protocol::Udp => State::Close,
        };
        self.protocol == row.protocol
            && match self.peer {
                Some(peer) => row.state != alone && is(self.local, row.local) && is(peer, row.peer),
                None => row.state == alone && canonical(self.local) == canonical(row.local),
            }
    }
}

/// `127.0.0.1:40112 -> 127.0.0.1:8330`, or a listener's address alone.
impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.peer {
            Some(peer) if peer.port() == 0 => write!(f, "{} -> any", self.local),
            Some(peer) if self.local.port() == 0 => write!(f, "any -> {peer}"),
            Some(peer) => write!(f, "{} -> {peer}", self.local),
            None => write!(f, "{}", self.local),
        }
    }
}
