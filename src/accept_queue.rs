//! A listener's accept queue seen from outside: how long the kernel lets it be, what the kernel has
//! dropped for want of room in it, and how to wait until a crowd of clients has been dealt with.
//! What lesson `backlog` measures with; its exercise's checks, too.

use std::{fs, io, net::TcpListener, time::Duration};

use crate::{
    counters::counter,
    deadline::Deadline,
    table::{End, Kernel, Row, State, Table},
};

/// How long [`decided`] waits while nothing happens: longer than any client of this machine takes
/// to be given a CPU.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest backlog that the kernel gives: listen(2) cuts its argument to net.core.somaxconn.
/// Where that cannot be read, 128, which is the constant SOMAXCONN of many systems.
#[must_use]
pub fn somaxconn() -> u32 {
    let limit = fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap_or_default();
    limit.trim().parse().unwrap_or(128)
}

/// How often a listener's accept queue had no room for a client: TcpExtListenOverflows, as
/// `nstat -az` shows it (`/proc/net/netstat`). All listeners of the network namespace move it,
/// those of other programs too. `None` where the kernel does not report it.
#[must_use]
pub fn overflows() -> Option<u64> {
    let text = fs::read_to_string("/proc/net/netstat").ok()?;
    counter(&text, "TcpExt", "ListenOverflows")
}

/// Waits until this many clients have dialed a listener whose server does not accept. Each client
/// is then in the queue, or the queue is full and its SYN was dropped. (On loopback a SYN may still
/// be under way when connect has returned.) Returns the rows of the listener's port as they are
/// then.
///
/// It waits as long as clients come, and ten seconds more. Where the kernel reports neither backlog
/// nor drops (`/proc/net/tcp`), a full queue is not recognised, and the wait takes that long.
///
/// # Errors
/// The table cannot be read.
pub fn decided(listener: &TcpListener, clients: u32) -> io::Result<Table> {
    let (mut kernel, end) = (Kernel::open()?, End::of(listener)?);
    let mut before = None;
    loop {
        let (mut table, mut now) = (Table::default(), before);
        let is_decided = Deadline::after(PATIENCE).wait_for(|| {
            table = kernel.table_of(&[end.local.port()])?;
            let Some(listener) = table.find(end) else {
                return Ok(None);
            };
            let dials = |row: &&Row| {
                let dialing = matches!(row.state, State::Established | State::SynSent);
                dialing && row.peer.port() == end.local.port()
            };
            // Drops alone would not do: on a slow machine a SYN is sent again, and dropped again.
            let full = listener
                .backlog
                .is_some_and(|backlog| listener.recv_q > backlog);
            let dropped = listener.drops.filter(|_| full).unwrap_or(0);
            let dialed = table.rows.iter().filter(dials).count();
            now = Some((dialed, listener.recv_q));
            if dialed >= clients as usize && listener.recv_q + dropped >= clients {
                return Ok(Some(true));
            }
            Ok((now != before).then_some(false)) // another client has come: be patient again
        })?;
        match is_decided {
            Some(false) => before = now,
            _ => return Ok(table),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{decided, overflows, somaxconn};
    use crate::{
        peer::{bound, silent},
        table::{End, Kernel},
    };

    #[test]
    fn a_syn_without_room_is_counted_by_the_listener_and_by_the_system() {
        let (listener, _queued) = silent().unwrap();
        let before = overflows().unwrap();
        let addr = listener.local_addr().unwrap();
        let (client, _) = bound(addr.ip()).unwrap();
        assert!(client.connect(&addr.into()).is_err()); // EINPROGRESS
        let table = decided(&listener, 2).unwrap();
        let row = table.find(End::of(&listener).unwrap()).unwrap();
        assert_eq!(row.recv_q, 1);
        assert!(row.drops > Some(0));
        assert!(overflows().unwrap() > before);
    }

    #[test]
    fn no_backlog_is_longer_than_somaxconn() {
        let listener = crate::listen::Listen::with_backlog(i32::MAX)
            .on("127.0.0.1:0".parse().unwrap())
            .unwrap();
        let table = Kernel::sock_diag().unwrap().table().unwrap();
        let row = table.find(End::of(&listener).unwrap()).unwrap();
        assert_eq!(row.backlog, Some(somaxconn()));
    }
}
