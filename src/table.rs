//! The kernel's table of TCP and UDP sockets: the witness that every lesson calls.
//!
//! A [`Row`] is a listener, or one end of a connection. [`Kernel`] shows them in three ways:
//!
//! - [`Kernel::row`] looks up one end. It costs microseconds, however many sockets the machine has.
//! - [`Kernel::table_of`] shows all rows of some ports, as a [`Table`]. The kernel still walks over
//!   its other sockets, but sends none of them: with 20 000 of them that takes a tenth of the time
//!   of the next.
//! - [`Kernel::table`] shows every row of the machine.
//!
//! A [`Neighbourhood`] shows the rows of some ports again and again. It remembers what it has seen,
//! and so it seldom has to let the kernel walk over all its sockets.
//!
//! `sock_diag` asks over netlink; `proc` reads `/proc/net/tcp`, for machines where netlink is
//! closed; `netstat` prints. None of them changes a socket, and none looks at the program's own
//! handles: what a row says, the kernel says.

mod end;
mod kernel;
mod narrow;
mod neighbourhood;
mod netstat;
mod opened;
mod own;
mod proc;
mod sock_diag;
mod state;

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    time::Duration,
};

pub use end::End;
pub use kernel::Kernel;
pub use narrow::{Noted, narrow, narrow_columns};
pub use neighbourhood::Neighbourhood;
pub use netstat::{HEADER, HEADER_WITH_TIMERS};
pub use own::{duplicate, own_sockets};
pub use state::State;

/// A snapshot of the socket table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Listeners first, then connections with their two ends beside each other.
    pub rows: Vec<Row>,
}

/// Whose table a row stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP, over IPv4 or IPv6.
    Tcp,
    /// UDP, over IPv4 or IPv6.
    Udp,
}

/// One line of the table: a listener, one end of a connection, or a UDP socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Whose socket it is.
    pub protocol: Protocol,
    /// The state of this end. UDP has no states; the kernel says ESTABLISHED of a socket that is
    /// connected, which is to say that it has noted a peer, and CLOSE of any other.
    pub state: State,
    /// This end's address.
    pub local: SocketAddr,
    /// The other end's address; all zeros for a listener and an unconnected UDP socket.
    pub peer: SocketAddr,
    /// Bytes received in order that the program has not read yet; a FIN counts for one. For a
    /// listener: connections in the accept queue. For UDP: the memory that the datagrams take up
    /// which have not been read, several hundred bytes each beyond their own, and so more than zero
    /// for an empty one.
    pub recv_q: u32,
    /// Bytes written that the peer has not acknowledged; a SYN and a FIN count for one each.
    /// For a listener: 0, as in netstat (ss shows the backlog here).
    pub send_q: u32,
    /// A listener's backlog: the argument of `listen(2)`, cut to `net.core.somaxconn`.
    /// `None` for a connection, and where the kernel does not report it (`/proc/net/tcp`).
    pub backlog: Option<u32>,
    /// What was dropped at this socket; for a listener, SYNs that its full queue had no room for;
    /// for UDP, datagrams that its full receive buffer had no room for. `None` where the kernel
    /// does not report it (`/proc/net/tcp`).
    pub drops: Option<u32>,
    /// The window: how many bytes beyond those acknowledged the peer is ready to take, as it
    /// announced last (RFC 9293, 3.3.1, SND.WND). `None` for a listener, in TIME_WAIT, where
    /// TCP_INFO was not asked for ([`Kernel::table_with_info`]), and where the kernel does not
    /// report it (`/proc/net/tcp`; Linux before 5.4).
    pub window: Option<u32>,
    /// Segments with data that have been received (tcp(7), TCP_INFO). `None` as for `window`.
    pub segments_in: Option<u32>,
    /// Segments that have been received, those without data too (tcp(7), TCP_INFO). `None` as for
    /// `window`.
    pub received: Option<u32>,
    /// Segments that have been sent again (tcp(7), TCP_INFO). `None` as for `window`.
    pub resent: Option<u32>,
    /// Bytes of `send_q` that have not been sent even once: Nagle's algorithm holds them back, or
    /// the peer's window, or congestion control (tcp(7), TCP_INFO; ss(8) calls them `notsent`).
    /// `None` as for `window`.
    pub unsent: Option<u32>,
    /// The timer that is running, if any.
    pub timer: Option<Timer>,
    /// The socket's inode, as in `/proc/PID/fd`; 0 when no program owns the socket any more, or not
    /// yet: in the accept queue.
    pub inode: u32,
}

/// A running timer of a socket, as `netstat -o` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// What will happen when it runs out.
    pub kind: TimerKind,
    /// The time until then, in milliseconds from netlink and in 10 ms from `/proc`.
    pub remaining: Duration,
    /// How often it has run out already: retransmissions, or probes without an answer.
    pub attempts: u32,
}

/// What happens when a timer runs out (Linux, `include/uapi/linux/inet_diag.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerKind {
    /// Send again what has not been acknowledged. netstat says `on`.
    Retransmit,
    /// Probe a connection on which nothing has been heard (tcp(7), SO_KEEPALIVE).
    Keepalive,
    /// Forget the connection: 60 s after TIME_WAIT began, on Linux.
    TimeWait,
    /// Ask a peer whose window is zero whether it has opened (RFC 9293, 3.8.6.1). netstat says
    /// `probe`.
    WindowProbe,
}

impl Table {
    /// The rows of both, those of the other last.
    #[must_use]
    pub fn and(mut self, other: Table) -> Table {
        self.rows.extend(other.rows);
        self
    }

    /// The rows with one of these ports at either end; all rows if none is given. To ask the kernel
    /// for no others in the first place, there is [`Kernel::table_of`].
    #[must_use]
    pub fn of_ports(mut self, ports: &[u16]) -> Table {
        self.rows.retain(|row| {
            ports.is_empty()
                || ports.contains(&row.local.port())
                || ports.contains(&row.peer.port())
        });
        self
    }

    /// The row of this end. `None` means that the end is CLOSED: the kernel keeps nothing for it.
    #[must_use]
    pub fn find(&self, end: End) -> Option<&Row> {
        self.find_all(end).next()
    }

    /// All rows of this end: there can be several listeners on an address with SO_REUSEPORT.
    pub fn find_all(&self, end: End) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| end.is(row))
    }
}

impl Row {
    /// Which end this row is.
    #[must_use]
    pub fn end(&self) -> End {
        let alone = self.state == State::Listen || self.is_unconnected();
        End {
            protocol: self.protocol,
            local: self.local,
            peer: (!alone).then_some(self.peer),
        }
    }

    /// Whether it is a UDP socket without a peer, of which netstat shows no state.
    #[must_use]
    pub fn is_unconnected(&self) -> bool {
        self.protocol == Protocol::Udp && self.state == State::Close
    }

    /// Whether no program owns this end any more: the kernel alone brings it to its close.
    #[must_use]
    pub fn is_orphan(&self) -> bool {
        use State::{Closing, FinWait1, FinWait2, LastAck, TimeWait};
        let closes = [FinWait1, FinWait2, Closing, LastAck, TimeWait];
        self.inode == 0 && closes.contains(&self.state)
    }

    /// `tcp`, `tcp6`, `udp` or `udp6`, as netstat calls it.
    #[must_use]
    pub fn protocol_name(&self) -> &'static str {
        match (self.protocol, self.local.is_ipv4()) {
            (Protocol::Tcp, true) => "tcp",
            (Protocol::Tcp, false) => "tcp6",
            (Protocol::Udp, true) => "udp",
            (Protocol::Udp, false) => "udp6",
        }
    }

    /// Listeners come first; a connection's two ends share a key but for the last part.
    fn order(&self) -> impl Ord + use<> {
        let (local, peer) = (canonical(self.local), canonical(self.peer));
        (
            self.state != State::Listen,
            local.min(peer),
            local.max(peer),
            local,
        )
    }
}

/// The ports that the kernel gives to sockets that ask for none (ip(7), `ip_local_port_range`).
/// Where it cannot be asked, those that RFC 6335 sets aside.
#[must_use]
pub fn ephemeral_ports() -> RangeInclusive<u16> {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let ports: Vec<u16> = range
        .split_whitespace()
        .filter_map(|port| port.parse().ok())
        .collect();
    match ports[..] {
        [first, last] => first..=last,
        _ => 49152..=65535,
    }
}

/// The address with IPv4-mapped IPv6 taken as IPv4 (RFC 4291, 2.5.5.2).
fn canonical(addr: SocketAddr) -> (IpAddr, u16) {
    (addr.ip().to_canonical(), addr.port())
}
