//! The table in netstat's columns, each as narrow as it can be: addresses of IPv4, and what there
//! is to say of a row, fit into 80 characters.

use std::array;

use super::Row;

/// The columns, without the timer. "ESTABLISHED" is the longest state.
const NAMES: [&str; 6] = [
    "Proto",
    "Recv-Q",
    "Send-Q",
    "Local Address",
    "Foreign Address",
    "State      ",
];

/// The column below which a long note begins.
const LOCAL_ADDRESS: usize = 3;

/// The header and the rows, in netstat's columns. A note stands behind its row, or below it where a
/// line of this width, in characters, has no room.
#[must_use]
pub fn narrow(rows: &[(&Row, Option<String>)], width: usize) -> Vec<String> {
    let rows: Vec<Noted> = rows
        .iter()
        .map(|(row, note)| (row.columns(), note.clone()))
        .collect();
    narrow_columns(&rows, width)
}

/// The columns of a row, as [`Row::columns`] gives them, and a note.
pub type Noted = ([String; 7], Option<String>);

/// As [`narrow`], of rows that are columns already, such as those of a recording.
#[must_use]
pub fn narrow_columns(rows: &[Noted], width: usize) -> Vec<String> {
    let widths: [usize; NAMES.len()] = array::from_fn(|column| {
        let widths = rows.iter().map(|(row, _)| row[column].len());
        widths.chain([NAMES[column].len()]).max().unwrap_or(0)
    });
    let below = widths[..LOCAL_ADDRESS].iter().sum::<usize>() + LOCAL_ADDRESS;
    let mut lines = vec![line(&NAMES, &widths)];
    for (row, note) in rows {
        let row = line(row, &widths);
        match note {
            None => lines.push(row),
            Some(note) if row.chars().count() + note.chars().count() + 4 <= width => {
                lines.push(format!("{row} <- {note}"));
            }
            Some(note) => lines.extend([row, format!("{:below$}^ {note}", "")]),
        }
    }
    lines
        .iter()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

/// Numbers end, and texts begin, where their columns do.
fn line(cells: &[impl AsRef<str>], widths: &[usize; NAMES.len()]) -> String {
    let mut line = Vec::new();
    for ((cell, width), name) in cells.iter().zip(widths).zip(NAMES) {
        let cell = cell.as_ref();
        line.push(match name.ends_with("-Q") {
            true => format!("{cell:>width$}"),
            false => format!("{cell:<width$}"),
        });
    }
    line.join(" ")
}
