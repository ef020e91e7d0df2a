//! The ways to ask for the table: all of it, the rows of some ports, or the row of one end.

use std::io;

use super::{End, Protocol, Row, State, Table, proc, sock_diag};
use crate::fault::Attempt;

/// The way to the kernel's table, held open so that a look costs no descriptor.
#[derive(Debug)]
pub enum Kernel {
    /// `NETLINK_SOCK_DIAG`: everything there is to know.
    SockDiag(sock_diag::SockDiag),
    /// `/proc/net/tcp` and `tcp6`: no backlog, no drops, no window.
    Proc(proc::Proc),
}

impl Kernel {
    /// The better way that works on this machine.
    ///
    /// # Errors
    /// Neither netlink nor `/proc/net/tcp` can be read: not Linux, or a sandbox that forbids both.
    pub fn open() -> io::Result<Kernel> {
        let denied = match Kernel::sock_diag() {
            Ok(kernel) => return Ok(kernel),
            Err(denied) => denied,
        };
        Kernel::proc().attempt(|| format!("cannot read the socket table (netlink: {denied})"))
    }

    /// By netlink, or not at all.
    ///
    /// # Errors
    /// The kernel has no `inet_diag`, or this process may not use it.
    pub fn sock_diag() -> io::Result<Kernel> {
        Ok(Kernel::SockDiag(sock_diag::SockDiag::open()?))
    }

    /// By `/proc`, or not at all.
    ///
    /// # Errors
    /// `/proc/net/tcp` cannot be read.
    pub fn proc() -> io::Result<Kernel> {
        Ok(Kernel::Proc(proc::Proc::open()?))
    }

    /// A snapshot of all TCP sockets of this network namespace.
    ///
    /// # Errors
    /// The request failed, or the answer is not in the form this module knows.
    pub fn table(&mut self) -> io::Result<Table> {
        self.tcp_rows(Of::All, false).map(sorted)
    }

    /// As [`Kernel::table`], with the figures of TCP_INFO. To read these the kernel locks each
    /// socket for a moment, and a call that is under way on it may have to wait.
    ///
    /// # Errors
    /// As for [`Kernel::table`].
    pub fn table_with_info(&mut self) -> io::Result<Table> {
        self.tcp_rows(Of::All, true).map(sorted)
    }

    /// The TCP sockets with one of these ports at either end. No ports, no rows:
    /// [`Table::of_ports`] takes an empty list for "all".
    ///
    /// # Errors
    /// As for [`Kernel::table`].
    pub fn table_of(&mut self, ports: &[u16]) -> io::Result<Table> {
        self.tcp_rows(Of::Ports(ports), false).map(sorted)
    }

    /// As [`Kernel::table_of`], with the figures of TCP_INFO, and with the locks that
    /// [`Kernel::table_with_info`] takes, but on these sockets only.
    ///
    /// # Errors
    /// As for [`Kernel::table`].
    pub fn table_of_with_info(&mut self, ports: &[u16]) -> io::Result<Table> {
        self.tcp_rows(Of::Ports(ports), true).map(sorted)
    }

    /// A snapshot of all UDP sockets of this network namespace. Where netlink does not know them
    /// (`udp_diag` is a module of its own), `/proc/net/udp` and `udp6` are opened for this one
    /// look.
    ///
    /// # Errors
    /// As for [`Kernel::table`].
    pub fn udp_table(&mut self) -> io::Result<Table> {
        self.udp_rows(Of::All).map(sorted)
    }

    /// The UDP sockets with one of these ports at either end; none for no ports.
    ///
    /// # Errors
    /// As for [`Kernel::table`].
    pub fn udp_table_of(&mut self, ports: &[u16]) -> io::Result<Table> {
        self.udp_rows(Of::Ports(ports)).map(sorted)
    }

    /// The row of one end, TCP's or UDP's. `None` means that the kernel keeps nothing for this end:
    /// a connection's is CLOSED. Of several listeners on an address (SO_REUSEPORT), and of an
    /// [`End::all_to`], it is one of the rows.
    ///
    /// A socket that is bound to another device than loopback (SO_BINDTODEVICE) is not found in
    /// this way; [`Kernel::table_of`] shows it.
    ///
    /// # Errors
    /// As for [`Kernel::table`].
    pub fn row(&mut self, end: End) -> io::Result<Option<Row>> {
        self.find(end, false)
    }

    /// As [`Kernel::row`], with the figures of TCP_INFO.
    ///
    /// # Errors
    /// As for [`Kernel::table`].
    pub fn row_with_info(&mut self, end: End) -> io::Result<Option<Row>> {
        self.find(end, true)
    }

    /// Whether [`Kernel::row`] costs much less than [`Kernel::table_of`].
    pub(crate) fn looks_up(&self) -> bool {
        matches!(self, Kernel::SockDiag(_))
    }

    /// The TCP listeners with one of these ports. By netlink it costs the same however many
    /// connections the machine has.
    pub(super) fn listeners_of(&mut self, ports: &[u16]) -> io::Result<Vec<Row>> {
        let mut rows = match self {
            _ if ports.is_empty() => Vec::new(),
            Kernel::SockDiag(netlink) => netlink.listeners_of(ports)?,
            Kernel::Proc(files) => files.rows(Of::Ports(ports))?,
        };
        rows.retain(|row| row.state == State::Listen && ports.contains(&row.local.port()));
        Ok(rows)
    }

    fn find(&mut self, end: End, with_info: bool) -> io::Result<Option<Row>> {
        if let Kernel::SockDiag(netlink) = self
            && !end.is_many()
        {
            let row = netlink.look_up(end, with_info)?.filter(|row| end.is(row));
            // For UDP, "not found" may also mean that netlink does not know UDP.
            if row.is_some() || end.protocol == Protocol::Tcp {
                return Ok(row);
            }
        }
        let ports: Vec<u16> = [Some(end.local), end.peer]
            .into_iter()
            .flatten()
            .map(|addr| addr.port())
            .filter(|port| *port != 0)
            .collect();
        let rows = match end.protocol {
            Protocol::Tcp => self.tcp_rows(Of::Ports(&ports), with_info)?,
            Protocol::Udp => self.udp_rows(Of::Ports(&ports))?,
        };
        Ok(rows.into_iter().find(|row| end.is(row)))
    }

    fn tcp_rows(&mut self, of: Of<'_>, with_info: bool) -> io::Result<Vec<Row>> {
        let mut rows = match (self, of) {
            (_, Of::Ports([])) => Vec::new(),
            (Kernel::SockDiag(netlink), Of::All) => netlink.rows(Protocol::Tcp, with_info)?,
            (Kernel::SockDiag(netlink), Of::Ports(ports)) => {
                netlink.rows_of(ports, Protocol::Tcp, with_info)?
            }
            (Kernel::Proc(files), of) => files.rows(of)?,
        };
        rows.retain(|row| of.includes(row.local.port(), row.peer.port()));
        Ok(rows)
    }

    fn udp_rows(&mut self, of: Of<'_>) -> io::Result<Vec<Row>> {
        let by_netlink = match (self, of) {
            (_, Of::Ports([])) => return Ok(Vec::new()),
            (Kernel::SockDiag(netlink), Of::All) => netlink.rows(Protocol::Udp, false).ok(),
            (Kernel::SockDiag(netlink), Of::Ports(ports)) => {
                netlink.rows_of(ports, Protocol::Udp, false).ok()
            }
            (Kernel::Proc(_), _) => None,
        };
        let mut rows = by_netlink.map_or_else(|| proc::udp_rows(of), Ok)?;
        rows.retain(|row| of.includes(row.local.port(), row.peer.port()));
        Ok(rows)
    }
}

/// Which rows are wanted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Of<'a> {
    All,
    /// Those with one of these ports at either end.
    Ports(&'a [u16]),
}

impl Of<'_> {
    pub(super) fn includes(self, local: u16, peer: u16) -> bool {
        match self {
            Of::All => true,
            Of::Ports(ports) => ports.contains(&local) || ports.contains(&peer),
        }
    }
}

pub(super) fn sorted(mut rows: Vec<Row>) -> Table {
    rows.sort_by_cached_key(Row::order); // there may be thousands, in TIME_WAIT most of them
    Table { rows }
}
