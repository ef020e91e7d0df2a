//! What a stage shows of the table: the rows of the story's ports, and the role of each.

use std::mem;

use super::{
    Must, Story,
    event::{Shown, ShownRow, WithoutRow},
    expected::Expected,
};
use crate::table::{End, Protocol, Row, State, Table};

/// With more rows than this, those that play no part in the story are counted instead of shown.
const CROWD: usize = 16;

impl Story {
    /// Each row with its role; of many ends with one role, one row.
    pub(super) fn shown<'a>(
        &mut self,
        table: &'a Table,
        expected: &Expected<'a>,
        timers: bool,
    ) -> Shown<'a> {
        let (mut rows, mut seen, mut others) = (Vec::new(), Vec::new(), 0);
        for (row, role) in table.rows.iter().map(|row| (row, self.role_of(row))) {
            if role.map_or(table.rows.len() > CROWD, |(_, end)| seen.contains(end)) {
                others += 1;
                continue;
            }
            seen.extend(role.map(|(_, end)| *end).filter(|end| end.is_many()));
            let mut figures = Vec::new();
            if role.is_some() {
                figures = expected.beside_netstat(row);
            }
            if timers && (row.timer.is_some() || expected.demands_a_timer(row)) {
                let [.., timer] = row.columns();
                figures.push(format!("timer {timer}"));
            }
            rows.push(ShownRow {
                row,
                role: role.map(|role| match self.is_earlier(role, expected) {
                    true => format!("earlier {}", role.0),
                    false => role.0.clone(),
                }),
                figures,
            });
        }
        let left = self.earlier.len();
        let is_new = left > mem::replace(&mut self.earlier_told, left);
        Shown {
            table,
            rows,
            others,
            left_earlier: is_new.then_some(left),
            without_row: without_row(table, expected),
            ends: ends(table, expected),
        }
    }

    fn role_of(&self, row: &Row) -> Option<&(String, End)> {
        self.roles.iter().rev().find(|(_, end)| end.is(row))
    }

    /// Whether another end plays the same part: this stage names it, or has come to it later.
    fn is_earlier(&self, role: &(String, End), expected: &Expected<'_>) -> bool {
        let named = |(name, _, _): &&(&str, End, Must)| *name == role.0;
        let mut ends = expected.rows.iter().filter(named).map(|(_, end, _)| *end);
        if let Some(first) = ends.next() {
            return first != role.1 && ends.all(|end| end != role.1);
        }
        let mut later = self.roles.iter().rev().take_while(|other| *other != role);
        later.any(|other| other.0 == role.0)
    }
}

/// The ends that the stage names and that have no row.
fn without_row<'a>(table: &Table, expected: &Expected<'a>) -> Vec<(&'a str, WithoutRow)> {
    let why = |end: End, must: &Must| match table.find(end) {
        _ if must.is_gone() && end.protocol == Protocol::Udp => Some(WithoutRow::NoSocket),
        _ if must.is_gone() => Some(WithoutRow::Closed),
        None => Some(WithoutRow::MinuteOver),
        Some(_) => None,
    };
    let rows = expected.rows.iter();
    rows.filter_map(|(role, end, must)| Some((*role, why(*end, must)?)))
        .collect()
}

/// In which state the kernel has each end that the stage names.
fn ends<'a>(table: &Table, expected: &Expected<'a>) -> Vec<(&'a str, End, State)> {
    let state = |end| table.find(end).map_or(State::Close, |row| row.state);
    let rows = expected.rows.iter();
    rows.map(|(role, end, _)| (*role, *end, state(*end)))
        .collect()
}
