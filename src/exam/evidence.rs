//! What the kernel shows at the moment of a failure: the sockets, whose they are and by which
//! descriptor, and what the student's threads are doing.

use std::{collections::HashMap, fmt, fs};

use super::threads::{self, Doing};
use crate::table::{Row, State, Table};

/// Whose a socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
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
    pub whose: Whose,
}

/// Sockets and threads at one moment.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The sockets with a port that the exam watches.
    pub sockets: Vec<Seen>,
    /// What each of the student's threads is doing.
    pub threads: Vec<Doing>,
}

impl Evidence {
    pub(super) fn gather(table: Table, own: &[u32]) -> Evidence {
        let threads = threads::students();
        let descriptors = sockets_by_inode();
        let whose = |inode| match descriptors.get(&inode) {
            _ if own.contains(&inode) => Whose::Peers,
            Some(fd) => Whose::Yours(*fd),
            None => Whose::Nobodys,
        };
        let rows = table.rows.into_iter();
        let sockets = rows
            .map(|row| Seen {
                whose: whose(row.inode),
                row,
            })
            .collect();
        Evidence { sockets, threads }
    }

    /// The student's sockets.
    pub fn yours(&self) -> impl Iterator<Item = &Seen> {
        self.sockets
            .iter()
            .filter(|seen| matches!(seen.whose, Whose::Yours(_)))
    }

    /// As a failure shows them.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.sockets.iter().map(Seen::to_string).collect();
        if lines.is_empty() {
            lines.push("no socket with these ports is left".to_owned());
        }
        lines.extend(threads::lines(&self.threads));
        lines
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
        Some(format!("netstat -nat | grep {}", seen.row.local.port()))
    }
}

/// Netstat's columns, narrower, and whose it is.
impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row {
            state,
            local,
            peer,
            recv_q,
            send_q,
            ..
        } = &self.row;
        let protocol = if local.is_ipv4() { "tcp" } else { "tcp6" };
        let (local, mut peer) = (local.to_string(), peer.to_string());
        if *state == State::Listen {
            peer = format!("{}*", peer.trim_end_matches('0'));
        }
        let state = state.to_string();
        write!(
            f,
            "{protocol:<4} {recv_q:>6} {send_q:>6}  {local:<21}  {peer:<21}  {state:<11}"
        )?;
        match self.whose {
            Whose::Yours(fd) => write!(f, "  (yours, fd {fd})"),
            Whose::Peers => write!(f, "  (the peer's)"),
            Whose::Nobodys if self.row.state == State::TimeWait => Ok(()),
            Whose::Nobodys if self.row.inode == 0 => write!(f, "  (nobody's)"),
            Whose::Nobodys => write!(f, "  (another process's)"),
        }
    }
}

/// The descriptors of this process that are sockets (proc(5), `/proc/pid/fd`), by inode.
fn sockets_by_inode() -> HashMap<u32, i32> {
    let Ok(folder) = fs::read_dir("/proc/self/fd") else {
        return HashMap::new();
    };
    let entry = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.ok()?;
        let target = fs::read_link(entry.path()).ok()?;
        let inode = target
            .to_str()?
            .strip_prefix("socket:[")?
            .strip_suffix(']')?;
        let fd = entry.file_name().to_str()?.parse().ok()?;
        Some((inode.parse().ok()?, fd))
    };
    folder.filter_map(entry).collect()
}
