//! Which rows are the story's: those of the ports that its stages have named, but for what an
//! earlier run has left there.

use std::io;

use super::Story;
use crate::table::{End, Row, Table};

impl Story {
    /// Takes the ports of an end into the story, unless one of them is
    /// there already. Of many ends at once those that no process owns by now are an earlier run's:
    /// the story has not named any of them yet.
    pub(super) fn follow(&mut self, end: End) -> io::Result<()> {
        let both = [Some(end.local.port()), end.peer.map(|peer| peer.port())];
        let ports: Vec<u16> = both
            .into_iter()
            .flatten()
            .filter(|port| *port != 0)
            .collect();
        let neighbourhood = self.neighbourhood.get_mut();
        let is_there = |port| neighbourhood.ports().contains(port);
        if ports.iter().any(is_there) {
            return Ok(());
        }
        if let Some(kernel) = self.kernel.as_mut().filter(|_| end.is_many()) {
            self.earlier.extend(orphans(&kernel.table_of(&ports)?));
        }
        neighbourhood.watch(&ports);
        Ok(())
    }
}

/// What is left of connections that no program owns any more.
pub(super) fn orphans(table: &Table) -> Vec<End> {
    table
        .rows
        .iter()
        .filter(|row| row.is_orphan())
        .map(Row::end)
        .collect()
}
