//! Durations in the terminal: how many were of which order of magnitude, in columns side by side.

use std::{fmt, time::Duration};

/// The bars' greatest length, in characters. A column is this wide and has room for the count.
const BAR: usize = 12;
const COLUMN: usize = BAR + 5;

/// Columns of durations, a row for each step of 1, 2, 5, 10, 20, 50 µs and so on.
#[derive(Debug, Default)]
pub struct Histogram {
    columns: Vec<(String, Vec<Duration>)>,
}

impl Histogram {
    /// One column more. A name has room for 16 characters.
    #[must_use]
    pub fn column(mut self, name: &str, durations: &[Duration]) -> Histogram {
        self.columns.push((name.to_owned(), durations.to_vec()));
        self
    }
}

/// The middle one of some durations, by length; of an even number the
/// longer of the two. Zero of none.
#[must_use]
pub fn median(durations: &[Duration]) -> Duration {
    let mut sorted = durations.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// From the shortest duration's row to the longest one's: what lies between them is told, too, by
/// being empty.
impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut header = format!("{:<10}", "from");
        for (name, _) in &self.columns {
            header += &format!("{name:<COLUMN$}");
        }
        write!(f, "{}", header.trim_end())?;
        let all = || self.columns.iter().flat_map(|(_, durations)| durations);
        let (Some(shortest), Some(longest)) = (all().min(), all().max()) else {
            return Ok(());
        };
        let count = |durations: &[Duration], row: usize| {
            let (from, to) = (step(row), step(row + 1));
            durations
                .iter()
                .filter(|&&is| from <= is && is < to)
                .count()
        };
        let rows = row_of(*shortest)..=row_of(*longest);
        let counts = self.columns.iter();
        let counts =
            counts.flat_map(|(_, durations)| rows.clone().map(|row| count(durations, row)));
        let most = counts.max().unwrap_or(1).max(1);
        for row in rows.clone() {
            let mut line = format!("{:<10}", label(step(row)));
            for (_, durations) in &self.columns {
                let cell = match count(durations, row) {
                    0 => String::new(),
                    n => format!("{} {n}", "█".repeat((n * BAR).div_ceil(most))),
                };
                line += &format!("{cell:<COLUMN$}");
            }
            write!(f, "\n{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Where a row begins: 0, 1 µs, 2 µs, 5 µs, 10 µs, …
fn step(row: usize) -> Duration {
    match row.checked_sub(1) {
        None => Duration::ZERO,
        Some(n) => Duration::from_micros([1, 2, 5][n % 3] * 10_u64.pow((n / 3) as u32)),
    }
}

fn row_of(duration: Duration) -> usize {
    (0..).take_while(|&row| step(row) <= duration).count() - 1
}

fn label(from: Duration) -> String {
    let text = format!("{from:?}");
    let unit = text.find(|c: char| c.is_alphabetic()).unwrap_or(text.len());
    format!("{} {}", &text[..unit], &text[unit..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_order_of_magnitude_in_columns_side_by_side() {
        let micros = |all: &[u64]| {
            all.iter()
                .copied()
                .map(Duration::from_micros)
                .collect::<Vec<_>>()
        };
        let histogram = Histogram::default()
            .column("slow", &micros(&[40_000, 44_000, 99]))
            .column("fast", &micros(&[20, 49, 49, 30]));
        let expected = "\
from      slow             fast
20 µs                      ████████████ 4
50 µs     ███ 1
100 µs
200 µs
500 µs
1 ms
2 ms
5 ms
10 ms
20 ms     ██████ 2";
        assert_eq!(histogram.to_string(), expected);
        assert_eq!(Histogram::default().to_string(), "from");
    }

    #[test]
    fn a_step_belongs_to_the_row_that_begins_with_it() {
        for row in 0..20 {
            assert_eq!(row_of(step(row)), row);
        }
    }

    #[test]
    fn half_are_no_longer_than_the_median() {
        let seconds = |all: &[u64]| {
            median(
                &all.iter()
                    .copied()
                    .map(Duration::from_secs)
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(seconds(&[3, 1, 2]), Duration::from_secs(2));
        assert_eq!(seconds(&[4, 1, 2, 3]), Duration::from_secs(3));
        assert_eq!(seconds(&[]), Duration::ZERO);
    }
}
