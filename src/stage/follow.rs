//! Which rows are the story's: those of the ports that its stages have named, but for what an
//! earlier run has left there.

use std::io;

use super::{Story, expected::is_orphan};
use crate::table::{End, Kernel, Protocol, Row};

impl Story {
    /// Takes the ports of an end into the story, unless one of them is
    /// there already. Of many ends at once those that nobody owns by now
    /// are an earlier run's: the story has not named any of them yet.
    pub(super) fn follow(&mut self, end: End) -> io::Result<()> {
        let both = [Some(end.local.port()), end.peer.map(|peer| peer.port())];
        let ports: Vec<u16> = both
            .into_iter()
            .flatten()
            .filter(|port| *port != 0)
            .collect();
        if ports.iter().any(|port| self.ports.contains(port)) {
            return Ok(());
        }
        if let Some(kernel) = self.kernel.as_mut().filter(|_| end.is_many()) {
            self.earlier.extend(orphans(kernel, &ports)?);
        }
        self.ports.extend(ports);
        Ok(())
    }
}

/// The commands that show the same rows in another terminal.
pub(super) fn next_door(protocol: Protocol, port: u16) -> [String; 2] {
    let (netstat, ss) = match protocol {
        Protocol::Tcp => ("netstat -nat", "ss -tan"),
        Protocol::Udp => ("netstat -nau", "ss -uan"),
    };
    [
        format!("In another terminal:  watch -n1 '{netstat} | grep {port}'"),
        format!("                 or:  {ss} | grep {port}"),
    ]
}

/// What is left at these ports of connections that no program owns any more.
pub(super) fn orphans(kernel: &mut Kernel, ports: &[u16]) -> io::Result<Vec<End>> {
    let rows = kernel.table_of(ports)?.rows;
    Ok(rows
        .iter()
        .filter(|row| is_orphan(row))
        .map(Row::end)
        .collect())
}
