//! Numbers as a picture in a terminal: panels of bars one below the other, a column for each look.
//!
//! It draws what it is given, in lines of text that are as good in a pipe as on a screen: no
//! colour, no cursor, at most [`WIDTH`] characters. It measures nothing.

use std::fmt;

/// The widest line, in characters.
pub const WIDTH: usize = 80;

/// The height of a panel, in lines.
const HEIGHT: usize = 4;

/// A part of a character's height, in eighths, from nothing to all of it.
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Panels with one axis below them.
#[derive(Clone, Debug, Default)]
pub struct Plot<'a> {
    panels: Vec<(&'a str, Vec<u32>)>,
    marks: Vec<usize>,
}

impl<'a> Plot<'a> {
    /// Adds a panel: bars from 0 to the largest of these values, which is named in its title.
    #[must_use]
    pub fn panel(mut self, title: &'a str, values: impl IntoIterator<Item = u32>) -> Plot<'a> {
        self.panels.push((title, values.into_iter().collect()));
        self
    }

    /// Marks the column of this value on the axis, with `^`.
    #[must_use]
    pub fn mark(mut self, at: usize) -> Plot<'a> {
        self.marks.push(at);
        self
    }

    fn looks(&self) -> usize {
        let lengths = self.panels.iter().map(|(_, values)| values.len());
        lengths.max().unwrap_or(0)
    }

    /// How many values share a column: 1, unless there are more of them than columns.
    fn share(&self) -> usize {
        self.looks().div_ceil(WIDTH - 1).max(1)
    }
}

impl fmt::Display for Plot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = self.share();
        for (title, values) in &self.panels {
            let most = values.iter().copied().max().unwrap_or(0);
            writeln!(f, "{title}, up to {most}")?;
            let columns: Vec<usize> = values
                .chunks(share)
                .map(|looks| height(looks.iter().copied().max().unwrap_or(0), most))
                .collect();
            for below in (0..HEIGHT).rev().map(|line| line * 8) {
                let bar = |height: &usize| EIGHTHS[height.saturating_sub(below).min(8)];
                let line: String = columns.iter().map(bar).collect();
                writeln!(f, "|{}", line.trim_end())?;
            }
        }
        let marks: Vec<usize> = self.marks.iter().map(|at| at / share).collect();
        let axis = |column| if marks.contains(&column) { '^' } else { '-' };
        let axis: String = (0..self.looks().div_ceil(share)).map(axis).collect();
        write!(f, "+{axis}")
    }
}

/// In eighths of a line. What is not nothing can be seen.
fn height(value: u32, most: u32) -> usize {
    let all = u64::from(value) * (HEIGHT as u64 * 8);
    all.div_ceil(u64::from(most.max(1))) as usize
}

#[cfg(test)]
mod tests {
    use super::{Plot, WIDTH};

    #[test]
    fn the_largest_value_fills_its_panel_and_the_smallest_can_be_seen() {
        let plot = Plot::default().panel("Recv-Q", [0, 1, 500, 1000]).mark(2);
        let lines = [
            "Recv-Q, up to 1000",
            "|   █",
            "|   █",
            "|  ██",
            "| ▁██",
            "+--^-",
        ];
        assert_eq!(plot.to_string(), lines.join("\n"));
    }

    #[test]
    fn more_values_than_columns_share_them_and_none_of_the_largest_is_lost() {
        let values = (0..1000).map(|i| u32::from(i == 777));
        let text = Plot::default().panel("one", values).mark(777).to_string();
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH));
        let column = |line: &str, c| line.chars().position(|at| at == c);
        let bar = text.lines().nth(1).and_then(|line| column(line, '█'));
        let mark = text.lines().last().and_then(|line| column(line, '^'));
        assert!(bar.is_some() && bar == mark, "{text}");
    }

    #[test]
    fn nothing_at_all_is_drawn_without_a_panic() {
        assert_eq!(Plot::default().to_string(), "+");
        let empty = Plot::default().panel("none", []).panel("zero", [0, 0]);
        assert!(empty.to_string().ends_with("\n+--"));
    }
}
