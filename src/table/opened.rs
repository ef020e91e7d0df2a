//! How many TCP connections this network namespace has opened so far: when the number has not
//! grown, there is no connection that one does not know.

use std::fs;

use crate::counters::counter;

/// The kernel's counters of connections (RFC 4022, `tcpActiveOpens` and `tcpPassiveOpens`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opened {
    /// Connections for which a SYN was sent.
    active: u64,
    /// Connections that came in.
    passive: u64,
}

impl Opened {
    /// Up to now. `None` where the kernel does not say.
    pub(super) fn now() -> Option<Opened> {
        // Of the thread: it may be in another network namespace than the main thread.
        let text = fs::read_to_string("/proc/thread-self/net/snmp").ok()?;
        Some(Opened {
            active: counter(&text, "Tcp", "ActiveOpens")?,
            passive: counter(&text, "Tcp", "PassiveOpens")?,
        })
    }

    /// Whether no more than this many connections between two sockets of this namespace explain
    /// what has been opened since. Each of them counts once at either end.
    pub(super) fn is_explained_by(self, connections: u64, since: Opened) -> bool {
        let active = self.active.wrapping_sub(since.active);
        let passive = self.passive.wrapping_sub(since.passive);
        active.max(passive) <= connections
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::Opened;
    use crate::peer::connected;

    #[test]
    fn a_connection_that_comes_and_goes_is_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let before = Opened::now().unwrap();
        assert!(before.is_explained_by(0, before));
        drop(connected(&listener).unwrap());
        let after = Opened::now().unwrap();
        assert!(!after.is_explained_by(0, before));
    }

    #[test]
    fn either_end_alone_must_be_explained() {
        let at = |active, passive| Opened { active, passive };
        let before = at(7, 70);
        assert!(at(9, 72).is_explained_by(2, before));
        assert!(!at(10, 72).is_explained_by(2, before));
        assert!(!at(9, 73).is_explained_by(2, before));
    }
}
