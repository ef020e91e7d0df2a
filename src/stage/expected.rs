//! What a stage claims of the table, and what to say when the kernel shows otherwise.

use std::{collections::BTreeSet, io, net::SocketAddr};

use super::{Must, story::refused};
use crate::table::{End, Kernel, Neighbourhood, Protocol, Row, State, Table};
use crate::wait::Stuck;

/// A refutation shows this many rows; of more, how many there are in each state.
const FEW: usize = 100;

/// What a stage claims of the table.
pub(super) struct Expected<'a> {
    pub(super) rows: Vec<(&'a str, End, Must)>,
    pub(super) nothing_else: bool,
}

impl Expected<'_> {
    /// The rows of the story's ports, read in this way, with all the figures that are demanded:
    /// TCP's, or UDP's where the stage names an end of UDP, or both where it names ends of both.
    pub(super) fn look(
        &self,
        kernel: &mut Kernel,
        neighbourhood: &mut Neighbourhood,
        read: fn(&mut Neighbourhood, &mut Kernel, bool) -> io::Result<Table>,
    ) -> io::Result<Table> {
        if !self.names_an_end_of(Protocol::Udp) {
            return read(neighbourhood, kernel, self.needs_info());
        }
        let tcp = match self.names_an_end_of(Protocol::Tcp) {
            true => read(neighbourhood, kernel, self.needs_info())?,
            false => Table::default(),
        };
        Ok(tcp.and(kernel.udp_table_of(neighbourhood.ports())?))
    }

    fn needs_info(&self) -> bool {
        self.rows.iter().any(|(_, _, must)| must.needs_info())
    }

    /// Whether to look at the rows of the stage's ends alone says nearly all: each is one row or
    /// none, and nothing is claimed of others.
    pub(super) fn can_be_looked_up(&self) -> bool {
        let one_row = |(_, end, must): &(_, End, Must)| !end.is_many() && must.is_of_one_row();
        !self.nothing_else && self.rows.iter().all(one_row)
    }

    /// The rows of the stage's ends alone, with all the figures that are demanded.
    pub(super) fn look_up(&self, kernel: &mut Kernel) -> io::Result<Table> {
        let with_info = self.needs_info();
        let look_up = |(_, end, _): &(_, End, Must)| match with_info {
            true => kernel.row_with_info(*end).transpose(),
            false => kernel.row(*end).transpose(),
        };
        let rows = self.rows.iter().filter_map(look_up);
        Ok(Table {
            rows: rows.collect::<io::Result<_>>()?,
        })
    }

    pub(super) fn names_an_end_of(&self, protocol: Protocol) -> bool {
        self.rows.iter().any(|(_, end, _)| end.protocol == protocol)
    }

    pub(super) fn waits_for_a_countdown(&self) -> bool {
        self.rows
            .iter()
            .any(|(_, _, must)| must.waits_for_a_countdown())
    }

    pub(super) fn names(&self, row: &Row) -> bool {
        self.rows.iter().any(|(_, end, _)| end.is(row))
    }

    /// Those of the figures that the stage demands which netstat does not print: `backlog 128`.
    pub(super) fn beside_netstat(&self, row: &Row) -> Vec<String> {
        let demands = self.rows.iter().filter(|(_, end, _)| end.is(row));
        let figures = demands.flat_map(|(_, _, must)| must.beside_netstat(row));
        figures
            .map(|(name, figure)| format!("{name} {figure}"))
            .collect()
    }

    /// Whether the stage says which timer runs at this row's end, or that none does.
    pub(super) fn demands_a_timer(&self, row: &Row) -> bool {
        let mut demands = self.rows.iter().filter(|(_, end, _)| end.is(row));
        demands.any(|(_, _, must)| must.demands_a_timer())
    }

    /// The names of the figures that the stage demands and the kernel does not report, once each.
    pub(super) fn not_reported(&self, table: &Table) -> BTreeSet<&'static str> {
        let mut names = BTreeSet::new();
        for (_, end, must) in &self.rows {
            for row in table.find_all(*end) {
                names.extend(must.not_reported(row));
            }
        }
        names
    }

    /// A row of the listeners that the stage names, and not named itself. Port numbers alone do not
    /// make a row ours: another address may have the same one.
    pub(super) fn is_stranger(&self, row: &Row) -> bool {
        let listeners = self.rows.iter().filter(|(_, end, _)| end.peer.is_none());
        let ours = |addr: SocketAddr| {
            listeners.clone().any(|(_, end, _)| {
                let any = end.local.ip().is_unspecified();
                addr.port() == end.local.port() && (any || addr.ip() == end.local.ip())
            })
        };
        !self.names(row) && (ours(row.local) || ours(row.peer))
    }

    pub(super) fn refuted(&self, title: &str, stuck: &Stuck, table: &Table) -> io::Error {
        let mut text = format!("the kernel does not show what stage `{title}` claims ({stuck})\n");
        for (role, end, must) in &self.rows {
            let verdict = if must.holds(table, *end) {
                "shown   "
            } else {
                "expected"
            };
            text += &format!("  {verdict}  {role}: {end} {must}\n");
        }
        if self.nothing_else {
            text += "  expected  no other row of the listener\n";
        }
        text += &match table.rows.len() {
            ..=FEW => format!("the kernel shows\n{table}"),
            many => format!("the kernel shows {many} rows{}", states(table)),
        };
        refused(text.trim_end().to_owned())
    }
}

/// `, 1000 in ESTABLISHED`, for each state that there is.
fn states(table: &Table) -> String {
    let count = |state| table.rows.iter().filter(|row| row.state == state).count();
    let states = State::ALL.into_iter().map(|state| (state, count(state)));
    let there = states.filter(|(_, count)| *count > 0);
    there
        .map(|(state, count)| format!(", {count} in {state}"))
        .collect()
}
