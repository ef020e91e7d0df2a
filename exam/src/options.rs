//! The options of a socket that an answer is lent: it must leave them as they were, on every path.

use std::{fmt::Debug, fs, io, os::fd::AsFd};

use nix::sys::stat::fstat;
use socket2::SockRef;

use super::{Exam, Verdict, or_skip};

/// The sizes of the buffers. The kernel resizes those of a TCP socket as it sees fit, unless they
/// have been set (tcp(7), `tcp_moderate_rcvbuf`).
const BUFFERS: [&str; 2] = ["SO_SNDBUF", "SO_RCVBUF"];

/// The options of a socket at one moment, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options(Vec<(&'static str, String)>);

impl Options {
    /// Those that an answer may be tempted to set. One that this kind of socket does not have stays
    /// equal. The kernel resizes buffers whose sizes have not been set: set them first, or leave
    /// them out ([`Options::without_buffers`]).
    #[must_use]
    pub fn of(socket: &impl AsFd) -> Options {
        let socket = SockRef::from(socket);
        Options(vec![
            option("O_NONBLOCK", socket.nonblocking()),
            option("SO_RCVTIMEO", socket.read_timeout()),
            option("SO_SNDTIMEO", socket.write_timeout()),
            option("SO_SNDBUF", socket.send_buffer_size()),
            option("SO_RCVBUF", socket.recv_buffer_size()),
            option("SO_LINGER", socket.linger()),
            option("SO_KEEPALIVE", socket.keepalive()),
            option("SO_BROADCAST", socket.broadcast()),
            option("SO_OOBINLINE", socket.out_of_band_inline()),
            option("IP_TOS", socket.tos_v4()), // before SO_PRIORITY, which the kernel derives
            option("SO_PRIORITY", socket.priority()),
            option("IP_TTL", socket.ttl_v4()),
            option("IPV6_TCLASS", socket.tclass_v6()),
            option("IPV6_UNICAST_HOPS", socket.unicast_hops_v6()),
            option("IPV6_V6ONLY", socket.only_v6()),
            option("TCP_NODELAY", socket.tcp_nodelay()),
            option("TCP_CORK", socket.tcp_cork()),
            option("TCP_KEEPIDLE", socket.tcp_keepalive_time()),
            option("TCP_KEEPINTVL", socket.tcp_keepalive_interval()),
            option("TCP_KEEPCNT", socket.tcp_keepalive_retries()),
            option("TCP_USER_TIMEOUT", socket.tcp_user_timeout()),
            option("TCP_NOTSENT_LOWAT", socket.tcp_notsent_lowat()),
        ])
    }

    /// Without some that may change.
    #[must_use]
    pub fn except(mut self, names: &[&str]) -> Options {
        self.0.retain(|(name, _)| !names.contains(name));
        self
    }

    /// Without the sizes of the buffers, for a check that has not set them.
    #[must_use]
    pub fn without_buffers(self) -> Options {
        self.except(&BUFFERS)
    }

    /// What another look finds to be different, as `SO_RCVTIMEO: None before, Some(1s) now`.
    #[must_use]
    pub fn changed(&self, now: &Options) -> Vec<String> {
        let pairs = self.0.iter().zip(&now.0);
        pairs
            .filter(|(before, now)| before != now)
            .map(|((name, before), (_, now))| format!("{name}: {before} before, {now} now"))
            .collect()
    }
}

impl Exam {
    /// The socket must still have these options.
    ///
    /// # Errors
    /// One of them has changed.
    pub fn has_options(&self, socket: &impl AsFd, before: &Options, when: &str) -> Verdict {
        let now = Options::of(socket);
        for (name, before) in &before.0 {
            let now = now.0.iter().find(|(other, _)| other == name);
            let now = now.map_or("", |(_, value)| value);
            self.must(
                now == before,
                format!("{name} to be {before} {when}, as before"),
                format!("it is {now}"),
            )?;
        }
        Ok(())
    }
}

fn option<T: Debug>(name: &'static str, value: io::Result<T>) -> (&'static str, String) {
    let text = match value {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("{:?}", error.kind()),
    };
    (name, text)
}

/// How many descriptors of this process lead to the socket.
///
/// # Errors
/// There is no `/proc`.
pub fn handles_of(inode: u64) -> Verdict<usize> {
    let entries = or_skip("look at descriptors", fs::read_dir("/proc/self/fd"))?;
    let name = format!("socket:[{inode}]");
    let is_it = |entry: &fs::DirEntry| {
        fs::read_link(entry.path()).is_ok_and(|to| to.as_os_str() == name.as_str())
    };
    Ok(entries.flatten().filter(is_it).count())
}

/// The inode of a socket: what [`handles_of`] finds it by when it may be closed.
///
/// # Errors
/// The kernel does not say.
pub fn inode_of(socket: &impl AsFd) -> Verdict<u64> {
    let file = fstat(socket).map_err(io::Error::from);
    Ok(or_skip("look at a socket", file)?.st_ino)
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::Options;

    #[test]
    fn an_option_that_changes_is_seen_unless_it_is_excepted() {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback is there");
        let before = Options::of(&socket);
        assert_eq!(Options::of(&socket), before);
        socket.set_nonblocking(true).expect("it is open");
        assert_ne!(Options::of(&socket), before);
        let except = |options: Options| options.except(&["O_NONBLOCK"]);
        assert_eq!(except(Options::of(&socket)), except(before));
    }
}
