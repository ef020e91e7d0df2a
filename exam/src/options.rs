//! The options of a socket that a function was lent: what it has left changed.

use std::{io, os::fd::AsFd};

use nix::sys::stat::fstat;
use socket2::SockRef;

use super::{Verdict, here};

/// The options that an answer may set, as text, each with its name. The sizes of the buffers are not
/// among them: the kernel changes these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options(Vec<(&'static str, String)>);

impl Options {
    /// Those of this socket now.
    ///
    /// # Errors
    /// The kernel does not say.
    pub fn of(socket: &impl AsFd) -> Verdict<Options> {
        here("read the options of a socket", read(&SockRef::from(socket)))
    }

    /// What another look has found to be different, as `read timeout: None before, Some(1s) now`.
    #[must_use]
    pub fn changed(&self, now: &Options) -> Vec<String> {
        let pairs = self.0.iter().zip(&now.0);
        pairs
            .filter(|(before, now)| before != now)
            .map(|((name, before), (_, now))| format!("{name}: {before} before, {now} now"))
            .collect()
    }
}

fn read(socket: &SockRef) -> io::Result<Options> {
    Ok(Options(vec![
        ("non-blocking", socket.nonblocking()?.to_string()),
        (
            "read timeout (SO_RCVTIMEO)",
            format!("{:?}", socket.read_timeout()?),
        ),
        (
            "write timeout (SO_SNDTIMEO)",
            format!("{:?}", socket.write_timeout()?),
        ),
        ("SO_LINGER", format!("{:?}", socket.linger()?)),
        ("SO_KEEPALIVE", socket.keepalive()?.to_string()),
        ("TCP_NODELAY", socket.tcp_nodelay()?.to_string()),
        ("TCP_CORK", socket.tcp_cork()?.to_string()),
    ]))
}

/// How many descriptors of this process lead to the socket.
///
/// # Errors
/// There is no `/proc`.
pub fn handles_of(inode: u64) -> Verdict<usize> {
    let entries = here("look at descriptors", std::fs::read_dir("/proc/self/fd"))?;
    let name = format!("socket:[{inode}]");
    let is_it = |entry: &std::fs::DirEntry| {
        std::fs::read_link(entry.path()).is_ok_and(|to| to.as_os_str() == name.as_str())
    };
    Ok(entries.flatten().filter(is_it).count())
}

/// The inode of a socket: what [`handles_of`] finds it by when it may be closed.
///
/// # Errors
/// The kernel does not say.
pub fn inode_of(socket: &impl AsFd) -> Verdict<u64> {
    let file = fstat(socket).map_err(io::Error::from);
    Ok(here("look at a socket", file)?.st_ino)
}
