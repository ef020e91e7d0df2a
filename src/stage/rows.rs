//! The table as a stage shows it: netstat's columns, each as narrow as it can be, and the role of
//! each row.

use std::{io, mem};

use super::{Must, Story, expected::Expected, text::WIDTH};
use crate::table::{End, Protocol, Row, Table, narrow};

/// With more rows than this, those that play no part in the story are counted instead of shown.
const CROWD: usize = 16;

impl Story {
    /// Prints the table, each row with its role; of many ends with one role, one row.
    pub(super) fn print(
        &mut self,
        table: &Table,
        expected: &Expected<'_>,
        timers: bool,
    ) -> io::Result<()> {
        let (mut rows, mut shown, mut left_out) = (Vec::new(), Vec::new(), 0);
        for (row, role) in table.rows.iter().map(|row| (row, self.role_of(row))) {
            if role.map_or(table.rows.len() > CROWD, |(_, end)| shown.contains(end)) {
                left_out += 1;
                continue;
            }
            shown.extend(role.map(|(_, end)| *end).filter(|end| end.is_many()));
            let mut notes = Vec::new();
            if let Some(role) = role {
                let which = match self.is_earlier(role, expected) {
                    true => "earlier ",
                    false => "",
                };
                notes.push(format!("{which}{}", role.0));
                notes.extend(expected.beside_netstat(row));
            }
            if timers && (row.timer.is_some() || expected.demands_a_timer(row)) {
                let [.., timer] = row.columns();
                notes.push(format!("timer {timer}"));
            }
            let note = (!notes.is_empty()).then(|| notes.join(", "));
            rows.push((row, note));
        }
        let mut lines = narrow(&rows, WIDTH);
        if left_out > 0 {
            lines.push(format!("(not shown: {left_out} other rows of these ports)"));
        }
        self.line("")?;
        lines.iter().try_for_each(|line| self.line(line))?;
        for (role, end, must) in &expected.rows {
            if must.is_gone() && end.protocol == Protocol::Udp {
                self.line(&format!("(no row for the {role})"))?;
            } else if must.is_gone() {
                self.line(&format!("(no row for the {role}: CLOSED)"))?;
            } else if table.find(*end).is_none() {
                self.line(&format!("(the {role}'s minute of TIME_WAIT is over)"))?;
            }
        }
        let left = self.earlier.len();
        if left > mem::replace(&mut self.earlier_told, left) {
            self.line(&format!("(not shown: {left} left by an earlier run)"))?;
        }
        Ok(())
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
