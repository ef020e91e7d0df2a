//! The table in netstat's columns, each as narrow as it can be: addresses of IPv4, and what there is
//! to say of a row, fit into 80 characters.

use super::Row;

/// The column in which local addresses begin.
const LOCAL: usize = 20;

/// The header and the rows, in netstat's columns. A note stands behind its row, or below it where a
/// line of this width, in characters, has no room.
#[must_use]
pub fn narrow(rows: &[(&Row, Option<String>)], width: usize) -> Vec<String> {
    let columns: Vec<[String; 7]> = rows.iter().map(|(row, _)| row.columns()).collect();
    let widest = |column: usize, header: &str| {
        let widths = columns.iter().map(|row| row[column].len());
        widths.chain([header.len()]).max().unwrap_or(0)
    };
    let (local_width, peer_width) = (widest(3, "Local Address"), widest(4, "Foreign Address"));
    let line =
        |protocol: &str, recv_q: &str, send_q: &str, local: &str, peer: &str, state: &str| {
            format!(
                "{protocol:<5} {recv_q:>6} {send_q:>6} {local:<local_width$} {peer:<peer_width$} \
             {state:<11}"
            )
        };
    let header = line(
        "Proto",
        "Recv-Q",
        "Send-Q",
        "Local Address",
        "Foreign Address",
        "State",
    );
    let mut lines = vec![header];
    for ([protocol, recv_q, send_q, local, peer, state, _], (_, note)) in columns.iter().zip(rows) {
        let row = line(protocol, recv_q, send_q, local, peer, state);
        match note {
            None => lines.push(row),
            Some(note) if row.chars().count() + note.chars().count() + 4 <= width => {
                lines.push(format!("{row} <- {note}"));
            }
            Some(note) => lines.extend([row, format!("{:>LOCAL$}^ {note}", "")]),
        }
    }
    lines
        .iter()
        .map(|line| line.trim_end().to_owned())
        .collect()
}
