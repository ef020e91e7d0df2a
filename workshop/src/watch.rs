//! The socket table for `cargo workshop netstat`: once, or again and again with what has changed.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use socket_workshop::{
    command::output_error,
    stop::Stop,
    table::{HEADER, HEADER_WITH_TIMERS, Kernel, Protocol, Row, Table},
};

/// Between two looks: short enough to follow a demonstration, long enough to read.
const INTERVAL: Duration = Duration::from_millis(500);

/// Clears a terminal: cursor to the corner, erase from there (ECMA-48, CUP and ED).
const CLEAR: &str = "\x1b[H\x1b[J";

/// What to show of the table.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Rows with one of these ports at either end; all rows if there is none.
    pub ports: Vec<u16>,
    /// The timers too, as `netstat -nato` shows them.
    pub timers: bool,
    /// UDP sockets too, as `netstat -nau` shows them.
    pub udp: bool,
}

impl View {
    /// Prints the table once.
    ///
    /// # Errors
    /// The table cannot be read, or stdout is closed.
    pub fn once(&self) -> io::Result<()> {
        let table = self.look(&mut Kernel::open()?)?;
        let text = if self.timers {
            format!("{table:#}")
        } else {
            table.to_string()
        };
        print(&text)
    }

    /// Prints the table whenever it has changed, the rows that changed marked, until the stop.
    /// On a terminal each takes the place of the one before.
    ///
    /// # Errors
    /// As for [`View::once`].
    pub fn until(&self, stop: &Stop) -> io::Result<()> {
        let mut kernel = Kernel::open()?;
        let clear = if io::stdout().is_terminal() {
            CLEAR
        } else {
            ""
        };
        let mut before = self.look(&mut kernel)?;
        print(&format!("{clear}{}", self.text(&marked(&before, &before))))?;
        while !stop.wait(INTERVAL)? {
            let now = self.look(&mut kernel)?;
            let rows = marked(&before, &now);
            if self.timers || rows.iter().any(|(_, mark)| mark.is_some()) {
                print(&format!("{clear}{}", self.text(&rows)))?;
            }
            before = now;
        }
        Ok(())
    }

    fn look(&self, kernel: &mut Kernel) -> io::Result<Table> {
        let (tcp, udp) = match self.ports[..] {
            [] => (kernel.table()?, self.udp.then(|| kernel.udp_table())),
            ref ports => (
                kernel.table_of(ports)?,
                self.udp.then(|| kernel.udp_table_of(ports)),
            ),
        };
        Ok(tcp.and(udp.transpose()?.unwrap_or_default()))
    }

    fn text(&self, rows: &[(Row, Option<String>)]) -> String {
        let mut text = format!(
            "{}\n",
            if self.timers {
                HEADER_WITH_TIMERS
            } else {
                HEADER
            }
        );
        for (row, mark) in rows {
            let mark = mark
                .as_ref()
                .map_or_else(String::new, |mark| format!("  <- {mark}"));
            text += &if self.timers {
                format!("{row:#}{mark}\n")
            } else {
                format!("{row}{mark}\n")
            };
        }
        text
    }
}

/// The rows of now, and those that are gone, each with what has changed about it.
#[must_use]
pub fn marked(before: &Table, now: &Table) -> Vec<(Row, Option<String>)> {
    let find = |table: &Table, row: &Row| {
        table
            .rows
            .iter()
            .find(|other| other.end() == row.end())
            .cloned()
    };
    let mut rows: Vec<_> = now
        .rows
        .iter()
        .map(|row| {
            (
                row.clone(),
                find(before, row).map_or(Some("new".to_owned()), |old| change(&old, row)),
            )
        })
        .collect();
    let gone = before.rows.iter().filter(|row| find(now, row).is_none());
    rows.extend(gone.map(|row| (row.clone(), Some("gone".to_owned()))));
    rows
}

fn change(old: &Row, new: &Row) -> Option<String> {
    let mut changes = Vec::new();
    if old.state != new.state {
        changes.push(format!("was {}", old.state));
    }
    if old.recv_q != new.recv_q {
        changes.push(format!("Recv-Q was {}", old.recv_q));
    }
    if old.send_q != new.send_q {
        changes.push(format!("Send-Q was {}", old.send_q));
    }
    let dropped = match (old.drops, new.drops) {
        (Some(old), Some(drops)) if new.protocol == Protocol::Udp => drops.saturating_sub(old),
        _ => 0,
    };
    if dropped > 0 {
        changes.push(format!("{dropped} dropped"));
    }
    (!changes.is_empty()).then(|| changes.join(", "))
}

fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(output_error)
}
