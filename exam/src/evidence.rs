//! What the kernel shows at the moment of a failure: the sockets, whose they are and by which
//! descriptor, and what the student's threads are doing.

use std::{collections::HashMap, net::SocketAddr};

use socket_workshop::{
    table::{End, Protocol, Row, State, Table, own_sockets},
    threads::{Call, Doing},
};

use super::{threads, trace::OwnedRow, watched::drop_others_connections};

/// A failure shows at most this many sockets: where there are more, they are many of the same kind.
const SHOWN: usize = 12;

/// What a failure says of a socket of the exam's.
pub(super) const EXAMS: &str = "the exam's";

/// Whose a socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The answer's, with its descriptor.
    Yours(i32),
    /// The exam's.
    Peers,
    /// No descriptor leads to it: it has been closed, or it has not been accepted yet.
    Nobodys,
}

/// A row of the socket table and whose it is.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The row.
    pub row: Row,
    /// Whose socket it is.
    pub owner: Owner,
}

/// Sockets and threads at one moment.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The sockets with a port that the exam watches.
    pub sockets: Vec<Seen>,
    /// What each of the student's threads is doing.
    pub threads: Vec<Doing>,
    /// Whether the exam watches any port: without one it is not about sockets.
    pub watches: bool,
}

impl Evidence {
    pub(super) fn gather(
        threads: Vec<Doing>,
        look: impl FnOnce() -> Table,
        own: &[u32],
        watches: bool,
    ) -> Evidence {
        // Before and after: a socket of the table may have been opened, or closed, meanwhile.
        let mut descriptors = sockets_by_inode();
        let mut table = look();
        descriptors.extend(sockets_by_inode());
        drop_others_connections(&mut table, |inode| {
            own.contains(&inode) || descriptors.contains_key(&inode)
        });
        let owner = |inode| match descriptors.get(&inode) {
            _ if own.contains(&inode) => Owner::Peers,
            Some(fd) => Owner::Yours(*fd),
            None => Owner::Nobodys,
        };
        let rows = table.rows.into_iter();
        let mut sockets: Vec<Seen> = rows
            .map(|row| Seen {
                owner: owner(row.inode),
                row,
            })
            .collect();
        sockets.sort_by_key(Seen::order);
        Evidence {
            sockets,
            threads,
            watches,
        }
    }

    /// The student's sockets.
    pub fn yours(&self) -> impl Iterator<Item = &Seen> {
        self.sockets
            .iter()
            .filter(|seen| matches!(seen.owner, Owner::Yours(_)))
    }

    /// As a failure shows them; the threads only if nothing else says what they do.
    pub(super) fn lines(&self, with_threads: bool) -> Vec<String> {
        let shown = self.sockets.iter().take(SHOWN);
        let is_closing = self.is_closing();
        let mut lines = in_columns(shown.map(|seen| seen.cells(is_closing)).collect());
        match self.sockets.len() {
            0 if !self.watches => {}
            0 => lines.push("no socket with these ports is left".to_owned()),
            1..=SHOWN => {}
            count => lines.push(format!("and {} sockets more", count - SHOWN)),
        }
        if with_threads {
            lines.extend(threads::lines(&self.threads));
        }
        lines
    }

    /// The rows that a failure shows, as a page shows them.
    pub(super) fn rows(&self) -> Vec<OwnedRow> {
        let is_closing = self.is_closing();
        let shown = self.sockets.iter().take(SHOWN);
        shown.map(|seen| seen.owned(is_closing)).collect()
    }

    /// Until a close has returned, its socket has no descriptor any more, and is still there.
    fn is_closing(&self) -> bool {
        let closes = |doing: &Doing| {
            matches!(
                doing,
                Doing::Blocked {
                    call: Call::Close,
                    ..
                }
            )
        };
        self.threads.iter().any(closes)
    }

    /// The command that shows the same.
    pub(super) fn look(&self) -> Option<String> {
        let listener = |seen: &&Seen| seen.row.state == State::Listen;
        let seen = self
            .yours()
            .find(listener)
            .or_else(|| self.yours().next())
            .or_else(|| self.sockets.iter().find(listener))
            .or_else(|| self.sockets.first())?;
        let netstat = match seen.row.protocol {
            Protocol::Tcp => "netstat -nat",
            Protocol::Udp => "netstat -nau",
        };
        Some(format!("{netstat} | grep {}", seen.row.local.port()))
    }
}

impl Seen {
    /// The student's first, the exam's last; listeners before connections.
    fn order(&self) -> (u8, bool) {
        let owner = match self.owner {
            Owner::Yours(_) => 0,
            Owner::Nobodys => 1,
            Owner::Peers => 2,
        };
        (owner, self.row.state != State::Listen)
    }

    /// Netstat's columns, and whose it is. The peer's port alone, where both ends have one address.
    fn cells(&self, is_closing: bool) -> [String; 6] {
        let Row {
            state,
            local,
            peer,
            recv_q,
            send_q,
            ..
        } = &self.row;
        let peer = match state {
            State::Listen | State::Close => "*".to_owned(),
            _ if peer.ip() == local.ip() => format!(":{}", peer.port()),
            _ => peer.to_string(),
        };
        let (recv_q, send_q) = (recv_q.to_string(), send_q.to_string());
        let (state, owner) = (self.state(), self.owner(is_closing));
        [recv_q, send_q, local.to_string(), peer, state, owner]
    }

    /// All of netstat's columns, and whose it is.
    fn owned(&self, is_closing: bool) -> OwnedRow {
        let [protocol, _, _, local, peer, _, timer] = self.row.columns();
        OwnedRow {
            protocol,
            recv_q: self.row.recv_q,
            send_q: self.row.send_q,
            local,
            peer,
            state: self.state(),
            timer,
            end: canonical(self.row.end()).to_string(),
            owner: self.owner(is_closing),
        }
    }

    fn owner(&self, is_closing: bool) -> String {
        let state = self.row.state;
        match self.owner {
            Owner::Yours(fd) => format!("yours, fd {fd}"),
            Owner::Peers => EXAMS.to_owned(),
            Owner::Nobodys if state == State::TimeWait => String::new(),
            Owner::Nobodys if self.row.inode == 0 => "no descriptor".to_owned(),
            // A socket whose close waits (SO_LINGER) has an inode, and no descriptor any more.
            Owner::Nobodys if is_closing && has_sent_its_fin(state) => "being closed".to_owned(),
            Owner::Nobodys if has_sent_its_fin(state) => "no descriptor here".to_owned(),
            Owner::Nobodys => "another process's".to_owned(),
        }
    }

    fn state(&self) -> String {
        match (self.row.protocol, self.row.is_unconnected()) {
            (_, true) => "UDP".to_owned(),
            (Protocol::Udp, false) => "UDP, connected".to_owned(),
            _ => self.row.state.to_string(),
        }
    }
}

/// Addresses as a capture shows them: an IPv4-mapped one of a socket for both families is IPv4.
fn canonical(end: End) -> End {
    let plain = |addr: SocketAddr| SocketAddr::new(addr.ip().to_canonical(), addr.port());
    End {
        local: plain(end.local),
        peer: end.peer.map(plain),
        ..end
    }
}

/// Whether an end in this state has sent a FIN, or is about to.
fn has_sent_its_fin(state: State) -> bool {
    use State::{Closing, FinWait1, FinWait2, LastAck};
    matches!(state, FinWait1 | FinWait2 | Closing | LastAck)
}

const HEADER: [&str; 6] = ["Recv-Q", "Send-Q", "Local", "Peer", "State", ""];

/// Each column as wide as its widest cell; the queues stand to the right.
fn in_columns(rows: Vec<[String; 6]>) -> Vec<String> {
    if rows.is_empty() {
        return Vec::new();
    }
    let rows = [HEADER.map(str::to_owned)].into_iter().chain(rows);
    let rows: Vec<[String; 6]> = rows.collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let [w0, w1, w2, w3, w4, _] = std::array::from_fn(width);
    let line = |row: &[String; 6]| {
        let [recv_q, send_q, local, peer, state, owner] = row;
        let line = format!(
            "{recv_q:>w0$}  {send_q:>w1$}  {local:<w2$}  {peer:<w3$}  {state:<w4$}  {owner}"
        );
        line.trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// The descriptors of this process that are sockets, by inode; none where there is no `/proc`.
pub(super) fn sockets_by_inode() -> HashMap<u32, i32> {
    own_sockets().unwrap_or_default()
}
