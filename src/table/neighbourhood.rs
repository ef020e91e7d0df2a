//! The rows of some ports, looked at again and again, without a walk over the machine's whole
//! table.
//!
//! A dump lets the kernel walk over all its connections, whatever it then sends. To look up one end
//! costs microseconds. So a [`Neighbourhood`] dumps once, and then looks up the ends that it knows.
//! New connections it finds through the sockets of this process; listeners are in a table of their
//! own, which is dumped each time.
//!
//! That may miss a connection that another process has opened since the dump, or that this one has
//! opened and closed since the last look. [`Neighbourhood::complete`] asks the kernel how many
//! connections have been opened, and dumps if it does not know all of them.

use std::{
    collections::{HashMap, HashSet},
    io, iter, mem,
    net::IpAddr,
    os::fd::AsFd,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::stat::fstat,
};
use socket2::Domain;

use super::{
    End, Kernel, Row, State, Table, canonical, duplicate, kernel::sorted, opened::Opened,
    own_sockets,
};

/// To look up more connections than this, at both ends, costs as much as a dump on a quiet machine.
const FEW: usize = 20;

/// The rows with one of some ports at either end, and what is known of them.
#[derive(Debug, Default)]
pub struct Neighbourhood {
    ports: Vec<u16>,
    /// Whether the rows of this process's other TCP sockets belong to it.
    with_own: bool,
    /// The sockets of this process, by inode.
    held: HashMap<u32, Held>,
    /// Both ends of each known connection are looked up.
    connections: HashMap<Pair, End>,
    /// Whether the rows of all ports have been dumped once.
    is_known: bool,
    /// How many connections in accept queues had no row when all were dumped: they have been reset.
    without_a_row: usize,
    /// Whether a look-up does not find one of the sockets: it is bound to a device.
    is_hidden: bool,
    /// What had been opened when all rows were last known.
    opened: Option<Opened>,
    /// Connections between two sockets of this machine that looks have found since then.
    found: u64,
}

/// A connection, whichever end one looks from.
type Pair = [(IpAddr, u16); 2];

/// What a descriptor of this process leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    /// No TCP socket, for as long as it is open.
    Other,
    /// A TCP socket without a connection.
    Unconnected,
    /// A listener with this port.
    Listener(u16),
    /// In SYN_SENT, with this port. Only the table shows where to.
    Connecting(u16),
    /// A connected socket keeps its addresses.
    Connected(End),
}

impl Neighbourhood {
    /// The rows with one of these ports at either end.
    #[must_use]
    pub fn of(ports: &[u16]) -> Neighbourhood {
        Neighbourhood {
            ports: ports.to_vec(),
            ..Neighbourhood::default()
        }
    }

    /// Those with a port of this process's other TCP sockets as well.
    #[must_use]
    pub fn with_own_sockets(self) -> Neighbourhood {
        Neighbourhood {
            with_own: true,
            ..self
        }
    }

    /// The ports.
    #[must_use]
    pub fn ports(&self) -> &[u16] {
        &self.ports
    }

    /// Whether the socket with this inode was this process's when it was last looked at.
    #[must_use]
    pub fn holds(&self, inode: u32) -> bool {
        self.held.contains_key(&inode)
    }

    /// Takes more ports into it. The next look is a dump.
    pub fn watch(&mut self, ports: &[u16]) {
        for port in ports {
            if !self.ports.contains(port) {
                self.ports.push(*port);
                self.is_known = false;
            }
        }
    }

    /// Takes one more port into it, and returns its rows. If all others were known, these are now,
    /// too.
    ///
    /// # Errors
    /// As for [`Kernel::table`].
    pub fn watch_from_now(&mut self, kernel: &mut Kernel, port: u16) -> io::Result<Table> {
        let were_known = self.is_known || self.ports.is_empty();
        self.watch(&[port]);
        let opened = Opened::now();
        let own = own_sockets().unwrap_or_default();
        let table = read(kernel, &[port], false)?;
        let before = self.connections.clone();
        self.remember(&own, &table.rows, &before);
        self.opened = self.opened.or(opened);
        self.is_known = were_known;
        Ok(table)
    }

    /// The rows: those that the last look has found, as they are now, and those of this process's
    /// sockets.
    ///
    /// # Errors
    /// As for [`Kernel::table`].
    pub fn look(&mut self, kernel: &mut Kernel, with_info: bool) -> io::Result<Table> {
        match self.look_up(kernel, with_info)? {
            Some(table) => Ok(table),
            None => self.dump(kernel, with_info),
        }
    }

    /// As [`Neighbourhood::look`], and all other rows, if the kernel has opened connections that a
    /// look does not find.
    ///
    /// # Errors
    /// As for [`Kernel::table`].
    pub fn complete(&mut self, kernel: &mut Kernel, with_info: bool) -> io::Result<Table> {
        if let Some(table) = self.look_up(kernel, with_info)?
            && let (Some(since), Some(now)) = (self.opened, Opened::now())
            && now.is_explained_by(self.found, since)
        {
            self.opened = Some(now);
            self.found = 0;
            return Ok(table);
        }
        self.dump(kernel, with_info)
    }

    /// All rows, dumped: from now on looks show them, too.
    ///
    /// # Errors
    /// As for [`Kernel::table`].
    pub fn dump(&mut self, kernel: &mut Kernel, with_info: bool) -> io::Result<Table> {
        let opened = Opened::now(); // before: what is opened meanwhile may be missing
        let own = own_sockets().unwrap_or_default();
        self.held.retain(|inode, _| own.contains_key(inode));
        let asked = match self.with_own {
            true => self.ask_new(&own).map(drop),
            false => Ok(()),
        };
        let table = match &asked {
            Ok(()) => read(kernel, &self.dumped(), with_info)?,
            Err(_) => self.dump_whole(kernel, &own, with_info)?,
        };
        let before = mem::take(&mut self.connections);
        self.remember(&own, &table.rows, &before);
        self.without_a_row = queued_without_a_row(&table.rows);
        if asked.is_err_and(|error| !is_shortage(&error)) {
            // It never will allow to ask: no row, no TCP socket.
            for inode in own.keys() {
                self.held.entry(*inode).or_insert(Held::Other);
            }
        }
        self.is_known = true;
        if opened.is_some() {
            self.opened = opened;
            self.found = 0;
        } else {
            // Without a descriptor there is nothing to count by: the next look has to explain all.
            self.found += new_of_this_machine(&self.connections, &before);
        }
        Ok(table)
    }

    /// Notes what a dump has shown. A row does not name the interface of a link-local address, so
    /// what a socket has said of itself is kept.
    fn remember(&mut self, own: &HashMap<u32, i32>, rows: &[Row], before: &HashMap<Pair, End>) {
        for row in rows {
            let held = if row.state == State::Listen {
                Held::Listener(row.local.port())
            } else {
                let pair = pair(row.end());
                let end = *before.get(&pair).unwrap_or(&row.end());
                Held::Connected(*self.connections.entry(pair).or_insert(end))
            };
            if own.contains_key(&row.inode) && !self.is_held(row) {
                self.held.insert(row.inode, held);
            }
        }
    }

    /// Whether the socket of this row is known for what it is.
    fn is_held(&self, row: &Row) -> bool {
        match self.held.get(&row.inode) {
            Some(Held::Connected(end)) => end.is(row),
            _ => false,
        }
    }

    /// Whether a dump shows connections that a look has not known. From now on looks show them.
    ///
    /// # Errors
    /// As for [`Kernel::table`].
    pub fn has_missed(&mut self, kernel: &mut Kernel) -> io::Result<bool> {
        let before: HashSet<Pair> = self.connections.keys().copied().collect();
        self.dump(kernel, false)?;
        Ok(self.connections.keys().any(|pair| !before.contains(pair)))
    }

    /// The rows without a dump. `None` if it takes one to know them.
    fn look_up(&mut self, kernel: &mut Kernel, with_info: bool) -> io::Result<Option<Table>> {
        if !kernel.looks_up() || !self.is_known || self.is_hidden {
            return Ok(None);
        }
        let Ok(own) = own_sockets() else {
            return Ok(None);
        };
        self.held.retain(|inode, _| own.contains_key(inode));
        if self.ask_new(&own).ok() != Some(Asked::AllKnown) || self.connections.len() > FEW {
            return Ok(None);
        }
        let mut rows = kernel.listeners_of(&self.listened())?;
        let mut gone = Vec::new();
        for (pair, end) in &self.connections {
            let found = rows.len();
            for end in ends(*end) {
                rows.extend(match with_info {
                    true => kernel.row_with_info(end)?,
                    false => kernel.row(end)?,
                });
            }
            if rows.len() == found {
                gone.push(*pair);
            }
        }
        if self.ask_missing(&own, &rows).ok() != Some(Asked::AllKnown)
            || queued_without_a_row(&rows) > self.without_a_row
        {
            return Ok(None);
        }
        for pair in gone {
            self.connections.remove(&pair);
        }
        Ok(Some(sorted(rows)))
    }

    /// Asks the sockets of this process that are new, or were not connected, what they are now.
    fn ask_new(&mut self, own: &HashMap<u32, i32>) -> io::Result<Asked> {
        let mut asked = Asked::AllKnown;
        for (inode, fd) in own {
            let before = self.held.get(inode).copied();
            if matches!(
                before,
                Some(Held::Other | Held::Listener(_) | Held::Connected(_))
            ) {
                continue;
            }
            let Some(held) = ask(*inode, *fd)? else {
                continue; // closed meanwhile
            };
            self.held.insert(*inode, held);
            match held {
                // One that the last dump has not shown connects elsewhere.
                Held::Connecting(_) if before != Some(held) => asked = Asked::TakesADump,
                Held::Connected(end) if self.is_near(end) => self.take_in(end),
                _ => {}
            }
        }
        Ok(asked)
    }

    /// Asks the sockets of this process again that should have a row and have none: they are no
    /// longer what they were, or a look-up does not find them.
    fn ask_missing(&mut self, own: &HashMap<u32, i32>, rows: &[Row]) -> io::Result<Asked> {
        let shown: HashSet<u32> = rows.iter().map(|row| row.inode).collect();
        let should_show = |held: &Held| match held {
            Held::Listener(port) => self.with_own || self.ports.contains(port),
            Held::Connected(end) => self.is_near(*end),
            _ => false,
        };
        let missing: Vec<(u32, Held)> = self
            .held
            .iter()
            .filter(|(inode, held)| !shown.contains(*inode) && should_show(held))
            .map(|(inode, held)| (*inode, *held))
            .collect();
        let mut asked = Asked::AllKnown;
        for (inode, before) in missing {
            let Some(held) = own
                .get(&inode)
                .map(|fd| ask(inode, *fd))
                .transpose()?
                .flatten()
            else {
                self.held.remove(&inode);
                continue;
            };
            self.held.insert(inode, held);
            if held != Held::Unconnected {
                self.is_hidden |= held == before;
                asked = Asked::TakesADump;
            }
        }
        Ok(asked)
    }

    fn take_in(&mut self, end: End) {
        let is_new = self.connections.insert(pair(end), end).is_none();
        if is_new && is_local(end) {
            self.found += 1;
        }
    }

    /// Whether the rows of this connection are wanted.
    fn is_near(&self, end: End) -> bool {
        self.with_own || self.has_a_port_of(end)
    }

    fn has_a_port_of(&self, end: End) -> bool {
        let has = |port| self.ports.contains(&port);
        has(end.local.port()) || end.peer.is_some_and(|peer| has(peer.port()))
    }

    /// The ports on which listeners matter.
    fn listened(&self) -> Vec<u16> {
        let own = self.held.values().filter_map(|held| match held {
            Held::Listener(port) => Some(*port),
            _ => None,
        });
        self.and(own)
    }

    /// The ports of which a dump shows all rows.
    fn dumped(&self) -> Vec<u16> {
        let own = self.held.values().filter_map(|held| match held {
            Held::Listener(port) | Held::Connecting(port) => Some(*port),
            _ => None,
        });
        let elsewhere = self
            .connections
            .values()
            .filter(|end| !self.has_a_port_of(**end));
        self.and(own.chain(elsewhere.map(|end| end.local.port())))
    }

    /// The ports, and these if those of this process's sockets are wanted.
    fn and(&self, own: impl Iterator<Item = u16>) -> Vec<u16> {
        let own = own.filter(|_| self.with_own);
        let mut ports: Vec<u16> = self.ports.iter().copied().chain(own).collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    }

    /// For a kernel that does not let this process ask its own sockets: the inodes are in the whole
    /// table.
    fn dump_whole(
        &mut self,
        kernel: &mut Kernel,
        own: &HashMap<u32, i32>,
        with_info: bool,
    ) -> io::Result<Table> {
        let mut table = match with_info {
            true => kernel.table_with_info()?,
            false => kernel.table()?,
        };
        let is_own = |row: &&Row| own.contains_key(&row.inode);
        let near: HashSet<Pair> = table
            .rows
            .iter()
            .filter(is_own)
            .map(|row| pair(row.end()))
            .collect();
        table.rows.retain(|row| {
            is_own(&row) || self.has_a_port_of(row.end()) || near.contains(&pair(row.end()))
        });
        Ok(table)
    }
}

/// What it takes to know the rows, now that sockets have been asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    AllKnown,
    TakesADump,
}

/// What the socket with this inode and this descriptor is. `None` if it has been closed.
///
/// # Errors
/// The kernel does not allow to ask, or this process has no descriptor left.
fn ask(inode: u32, fd: i32) -> io::Result<Option<Held>> {
    let socket = match duplicate(fd) {
        Err(error) if error.raw_os_error() == Some(Errno::EBADF as i32) => return Ok(None),
        result => result?,
    };
    if fstat(&socket)?.st_ino as u32 != inode {
        return Ok(None); // the number is another descriptor's by now
    }
    let is_ip = matches!(socket.domain()?, Domain::IPV4 | Domain::IPV6);
    if !is_ip || socket.protocol()? != Some(socket2::Protocol::TCP) {
        return Ok(Some(Held::Other));
    }
    let end = End::of(&socket)?;
    Ok(Some(match end.peer {
        Some(_) => Held::Connected(end),
        None if socket.is_listener()? => Held::Listener(end.local.port()),
        None if is_closed(&socket)? => Held::Unconnected,
        None => Held::Connecting(end.local.port()),
    }))
}

/// Whether a socket without a peer is in the state CLOSE: in SYN_SENT, poll does not show POLLHUP.
fn is_closed(socket: &impl AsFd) -> io::Result<bool> {
    let mut fds = [PollFd::new(socket.as_fd(), PollFlags::POLLOUT)];
    poll(&mut fds, PollTimeout::ZERO)?;
    let events = fds[0].revents().unwrap_or(PollFlags::empty());
    Ok(events.contains(PollFlags::POLLHUP))
}

/// How many connections wait in accept queues and are none of these rows: another process has
/// opened them, or the end that opened them is gone already. One that has been reset has no row,
/// but stays in the queue.
fn queued_without_a_row(rows: &[Row]) -> usize {
    let is_queued =
        |row: &&Row| row.inode == 0 && matches!(row.state, State::Established | State::CloseWait);
    let mut waiting: HashMap<u16, usize> = HashMap::new();
    for listener in rows.iter().filter(|row| row.state == State::Listen) {
        *waiting.entry(listener.local.port()).or_default() += listener.recv_q as usize;
    }
    for queued in rows.iter().filter(is_queued) {
        let waiting = waiting.entry(queued.local.port()).or_default();
        *waiting = waiting.saturating_sub(1);
    }
    waiting.values().sum()
}

/// Whether there was no descriptor left to ask with, which may change.
fn is_shortage(error: &io::Error) -> bool {
    [Errno::EMFILE, Errno::ENFILE]
        .iter()
        .any(|errno| error.raw_os_error() == Some(*errno as i32))
}

fn read(kernel: &mut Kernel, ports: &[u16], with_info: bool) -> io::Result<Table> {
    match with_info {
        true => kernel.table_of_with_info(ports),
        false => kernel.table_of(ports),
    }
}

fn pair(end: End) -> Pair {
    let mut pair = [end.local, end.peer.unwrap_or(end.local)].map(canonical);
    pair.sort_unstable();
    pair
}

/// How many of these connections were not known before, of those between sockets of this machine.
fn new_of_this_machine(now: &HashMap<Pair, End>, before: &HashMap<Pair, End>) -> u64 {
    let is_new = |(pair, end): &(&Pair, &End)| !before.contains_key(*pair) && is_local(**end);
    now.iter().filter(is_new).count() as u64
}

/// Whether both ends are sockets of this machine.
fn is_local(end: End) -> bool {
    end.local.ip().to_canonical().is_loopback()
}

/// Both ends of a connection. One that is connected to itself has only one.
fn ends(end: End) -> impl Iterator<Item = End> {
    let [one, other] = pair(end);
    iter::once(end).chain((one != other).then_some(end.other()))
}

#[cfg(test)]
mod tests;
