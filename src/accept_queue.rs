//! A listener's accept queue seen from outside: how long the kernel lets it be, what the kernel has
//! dropped for want of room in it, and how to wait until a crowd of clients has been dealt with.
//! What lesson `backlog` measures with; its exercise's checks, too.

use std::{fs, io, net::TcpListener, time::Duration};

use crate::{
    deadline::Deadline,
    table::{End, Kernel, Table},
};

/// The longest backlog that the kernel gives: listen(2) cuts its argument to net.core.somaxconn.
/// Where that cannot be read, 128, which is the constant SOMAXCONN of many systems.
#[must_use]
pub fn somaxconn() -> u32 {
    let limit = fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap_or_default();
    limit.trim().parse().unwrap_or(128)
}

/// How often a listener's accept queue had no room for a client: TcpExtListenOverflows, as
/// `nstat -az` shows it (`/proc/net/netstat`). All listeners of the network namespace move it, those of
/// other programs too. `None` where the kernel does not tell.
#[must_use]
pub fn overflows() -> Option<u64> {
    counter(
        &fs::read_to_string("/proc/net/netstat").ok()?,
        "ListenOverflows",
    )
}

/// The counters of a group stand in two lines, of names and of values.
fn counter(text: &str, name: &str) -> Option<u64> {
    let mut group = text.lines().filter(|line| line.starts_with("TcpExt:"));
    let (mut names, mut values) = (group.next()?.split(' '), group.next()?.split(' '));
    let column = names.position(|other| other == name)?;
    values.nth(column)?.parse().ok()
}

/// Waits until so many segments of clients have been queued at a listener or dropped: on loopback a
/// SYN may still be under way when connect has returned. Returns the table as it is then.
///
/// Two seconds at most. Where the kernel does not tell what it dropped (`/proc/net/tcp`), it waits
/// for as long if there is no room for all.
///
/// # Errors
/// The table cannot be read.
pub fn decided(listener: &TcpListener, clients: u32) -> io::Result<Table> {
    let (mut kernel, end) = (Kernel::open()?, End::of(listener)?);
    let mut table = Table::default();
    Deadline::after(Duration::from_secs(2)).wait_for(|| {
        table = kernel.table()?;
        let row = table.find(end);
        let all = row.is_some_and(|row| row.recv_q + row.drops.unwrap_or(0) >= clients);
        Ok(all.then_some(()))
    })?;
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::{counter, decided, overflows, somaxconn};
    use crate::{
        peer::silent,
        table::{End, Kernel},
    };
    use std::{net::TcpStream, time::Duration};

    #[test]
    fn a_counter_stands_below_its_name() {
        let text = "TcpExt: A ListenOverflows ListenDrops\nTcpExt: 1 22 333\nIpExt: A\nIpExt: 4\n";
        assert_eq!(counter(text, "ListenOverflows"), Some(22));
        assert_eq!(counter(text, "ListenDrops"), Some(333));
        assert_eq!(counter(text, "B"), None);
    }

    #[test]
    fn a_syn_without_room_is_counted_by_the_listener_and_by_the_system() {
        let (listener, _queued) = silent().unwrap();
        let before = overflows().unwrap();
        let addr = listener.local_addr().unwrap();
        let dialed = TcpStream::connect_timeout(&addr, Duration::from_millis(10));
        assert!(dialed.is_err());
        let table = decided(&listener, 2).unwrap();
        let row = table.find(End::of(&listener).unwrap()).unwrap();
        assert_eq!((row.recv_q, row.drops), (1, Some(1)));
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
