//! A line of the student's file, as rustc would show it.

use std::{fs, path::Path};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use textwrap::core::display_width;

use super::{Spot, span::span};

/// Terminals that are smaller are not served.
const WIDTH: usize = 80;

/// Draws a place with what is to be said about it, in 80 columns, or more if the file's name is longer.
/// Paths are taken, and shown, from `root`. Without the file only the place is shown.
#[must_use]
pub fn draw(spot: &Spot, root: &Path, label: &str, colours: bool) -> String {
    let renderer = match colours {
        true => Renderer::styled(),
        false => Renderer::plain(),
    };
    let renderer = renderer.term_width(WIDTH);
    let path = Path::new(&spot.file);
    let shown = path.strip_prefix(root).unwrap_or(path).to_string_lossy();
    let source = fs::read_to_string(root.join(path)).unwrap_or_default();
    let line = source.lines().nth((spot.line as usize).wrapping_sub(1));
    let group = Group::with_level(Level::ERROR);
    let group = match line.filter(|line| !line.trim().is_empty()) {
        Some(line) => with_line(group, spot, line, shown.into_owned(), label),
        None => group
            .element(Origin::path(shown.into_owned()).line(spot.line as usize))
            .element(Level::NOTE.no_name().message(label.to_owned())),
    };
    let mut text = renderer.render(&[group]);
    text.push('\n');
    text
}

fn with_line<'a>(
    group: Group<'a>,
    spot: &Spot,
    line: &'a str,
    shown: String,
    label: &str,
) -> Group<'a> {
    let span = span(line, spot.column);
    let tabs = |text: &str| display_width(&text.replace('\t', "    "));
    let margin = spot.line.to_string().len() + " | ".len();
    let fits = margin + tabs(&line[..span.end]) + 1 + display_width(label) <= WIDTH;
    let mark = AnnotationKind::Primary.span(span);
    let mark = if fits {
        mark.label(label.to_owned())
    } else {
        mark
    };
    let snippet = Snippet::source(line)
        .line_start(spot.line as usize)
        .path(shown);
    let group = group.element(snippet.annotation(mark));
    if fits {
        return group;
    }
    // No room beside it: below, as rustc's notes are.
    let label = textwrap::fill(label, WIDTH - margin - "= ".len());
    group.element(Level::NOTE.no_name().message(label))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exam::place::Column;

    #[test]
    fn x() {
        let root = std::env::temp_dir();
        std::fs::write(root.join("x.rs"), "a\n    stream.read_exact(&mut buf)?;\n\tlet é = \"日本\"; stream.read_exact(&mut buf).map_err(|error| something_very_long_and_longer(error)).and_then(more_of_it)?;\n").unwrap();
        for (line, c) in [(2, 12), (3, 27), (3, 40), (9, 1)] {
            let spot = Spot {
                file: "x.rs".to_owned(),
                line,
                column: Column::Byte(c),
            };
            for l in [
                "waits here",
                "your thread waits here: recv on fd 7, nothing will arrive",
                "your thread waits here: recv on fd 7, nothing will arrive and so on, and more words than a line can have",
            ] {
                println!("{}", draw(&spot, &root, l, false));
            }
            println!("{}", draw(&spot, &root, "hi", true));
        }
    }
}
