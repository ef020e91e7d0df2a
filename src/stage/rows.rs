//! The table as a stage shows it: as netstat prints it, with the parts that its rows play.

use std::io;

use super::{Story, expected::Expected};
use crate::table::{End, HEADER, HEADER_WITH_TIMERS, Protocol, Row, Table};

/// With more rows than this, those that play no part in the story are counted instead of shown.
const CROWD: usize = 16;

impl Story {
    /// Prints the table, each row followed by its role; of many ends with one role, one row.
    pub(super) fn print(
        &mut self,
        table: &Table,
        expected: &Expected<'_>,
        timers: bool,
    ) -> io::Result<()> {
        let header = if timers { HEADER_WITH_TIMERS } else { HEADER };
        self.line("")?;
        self.line(header.trim_end())?;
        let (mut lines, mut shown, mut left_out) = (Vec::new(), Vec::new(), 0);
        for (row, role) in table.rows.iter().map(|row| (row, self.role_of(row))) {
            if role.map_or(table.rows.len() > CROWD, |(_, end)| shown.contains(end)) {
                left_out += 1;
                continue;
            }
            shown.extend(role.map(|(_, end)| *end).filter(|end| end.is_many()));
            let note = match role {
                Some(role) => {
                    let which = match self.is_earlier(role, table) {
                        true => "earlier ",
                        false => "",
                    };
                    format!("  <- {which}{}{}", role.0, expected.beside_netstat(row))
                }
                None => String::new(),
            };
            let text = match timers {
                true => format!("{row:#}{note}"),
                false => format!("{row}{note}"),
            };
            lines.push(text.trim_end().to_owned());
        }
        if left_out > 0 {
            lines.push(format!("(not shown: {left_out} other rows of these ports)"));
        }
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
        if !self.earlier.is_empty() {
            let n = self.earlier.len();
            self.line(&format!("(not shown: {n} left by an earlier run)"))?;
        }
        Ok(())
    }

    fn role_of(&self, row: &Row) -> Option<&(String, End)> {
        self.roles.iter().rev().find(|(_, end)| end.is(row))
    }

    /// Whether another row plays the same part, and has come to it later: a second client's.
    fn is_earlier(&self, role: &(String, End), table: &Table) -> bool {
        let known = |of: &(String, End)| self.roles.iter().position(|role| role == of);
        let is_later = |other: &(String, End)| other.0 == role.0 && known(other) > known(role);
        let mut others = table.rows.iter().filter_map(|row| self.role_of(row));
        others.any(is_later)
    }
}
