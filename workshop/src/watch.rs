//! The socket table for `cargo workshop netstat`: once, or again and again with what has changed.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use socket_workshop::{
    asking,
    command::output_error,
    stop::Stop,
    table::{End, Kernel, Protocol, Row, Table, narrow},
};
use terminal_size::{Height, Width, terminal_size};

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

    /// Prints the table whenever it has changed, the rows that changed marked, until the stop. On a
    /// terminal each takes the place of the one before, and what has no room is counted. While a
    /// lesson asks what comes next (`--predict`), the table does not answer first.
    ///
    /// # Errors
    /// As for [`View::once`].
    pub fn until(&self, stop: &Stop) -> io::Result<()> {
        let mut kernel = Kernel::open()?;
        let mut before = self.look(&mut kernel)?;
        let earlier: Vec<End> = (before.rows.iter().filter(|row| row.is_orphan()))
            .map(Row::end)
            .collect();
        let mut is_asked = asking::by_a_lesson()?;
        if is_asked {
            before = Table::default(); // it may have asked before this table was first shown
        }
        self.draw(&marked(&before, &before), &earlier, is_asked)?;
        while !stop.wait(INTERVAL)? {
            if asking::by_a_lesson()? {
                if !is_asked {
                    self.draw(&marked(&before, &before), &earlier, true)?;
                }
                is_asked = true;
                continue;
            }
            let now = self.look(&mut kernel)?;
            let rows = marked(&before, &now);
            let has_changed = rows.iter().any(|(_, mark)| mark.is_some());
            if self.timers || has_changed || is_asked {
                self.draw(&rows, &earlier, false)?;
            }
            (before, is_asked) = (now, false);
        }
        Ok(())
    }

    fn draw(
        &self,
        rows: &[(Row, Option<String>)],
        earlier: &[End],
        is_asked: bool,
    ) -> io::Result<()> {
        let size = terminal_size().filter(|_| io::stdout().is_terminal());
        let (clear, width, height) = match size {
            Some((Width(width), Height(height))) => (CLEAR, width.into(), height.into()),
            None => ("", 80, usize::MAX),
        };
        let mut lines = self.lines(rows, earlier, width, height);
        if is_asked {
            lines.push("(A lesson asks what comes next: this table waits.)".to_owned());
        }
        let cut = |line: String| line.chars().take(width).collect::<String>() + "\n";
        print(&(clear.to_owned() + &lines.into_iter().map(cut).collect::<String>()))
    }

    /// The table, in as many lines as a terminal has, but for two: one for the cursor, and one for
    /// a remark. Left out are first what an earlier run has left, then other ends that no program
    /// owns any more, then the last rows.
    #[must_use]
    pub fn lines(
        &self,
        rows: &[(Row, Option<String>)],
        earlier: &[End],
        width: usize,
        height: usize,
    ) -> Vec<String> {
        let is_earlier = |row: &Row| row.is_orphan() && earlier.contains(&row.end());
        let noted = |(row, mark): &(Row, Option<String>)| {
            let timer = self.timers.then(|| {
                let [.., timer] = row.columns();
                format!("timer {timer}")
            });
            let notes: Vec<String> = mark.iter().cloned().chain(timer).collect();
            (row.clone(), (!notes.is_empty()).then(|| notes.join(", ")))
        };
        let (old, mut rows): (Vec<_>, Vec<_>) =
            rows.iter().map(noted).partition(|(row, _)| is_earlier(row));
        let mut left_out = 0;
        loop {
            let shown: Vec<_> = rows.iter().map(|(row, note)| (row, note.clone())).collect();
            let mut lines = narrow(&shown, width);
            lines.extend(counted(left_out, old.len()));
            if lines.len() + 2 <= height || rows.is_empty() {
                return lines;
            }
            let orphan = rows.iter().rposition(|(row, _)| row.is_orphan());
            rows.remove(orphan.unwrap_or(rows.len() - 1));
            left_out += 1;
        }
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
}

/// `(not shown: 12 rows, and 3 left by an earlier run)`
fn counted(left_out: usize, earlier: usize) -> Option<String> {
    let plural = if left_out == 1 { "row" } else { "rows" };
    let text = match (left_out, earlier) {
        (0, 0) => return None,
        (0, _) => format!("{earlier} left by an earlier run"),
        (_, 0) => format!("{left_out} {plural}"),
        _ => format!("{left_out} {plural}, and {earlier} left by an earlier run"),
    };
    Some(format!("(not shown: {text})"))
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
