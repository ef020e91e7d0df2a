//! Draws a line of the student's file as rustc does.

use std::{fs, path::Path};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use textwrap::core::display_width;

use super::{Column, Spot, span::span};

/// The width of a terminal.
const WIDTH: usize = 80;

/// A longer mark is cut, so that a long line can be cut around it.
const LONGEST_MARK: usize = 60;

/// Draws a spot with a label, in 80 columns (more only if the file's path
/// needs it). Paths are read, and shown, relative to `root`. If the file
/// cannot be read, only its path and line are shown.
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
        Some(line) => with_line(group, spot, line, &shown, label),
        None => without_line(group, spot, &shown, label),
    };
    renderer.render(&[group]) + "\n"
}

fn with_line<'a>(
    group: Group<'a>,
    spot: &Spot,
    line: &'a str,
    shown: &str,
    label: &str,
) -> Group<'a> {
    let mut span = span(line, spot.column);
    let mark = line[span.clone()].char_indices();
    if let Some((longest, _)) = mark.clone().nth(LONGEST_MARK) {
        span.end = span.start + longest;
    }
    let before = display_width(&line[..span.end].replace('\t', "    "));
    let margin = spot.line.to_string().len() + " | ".len();
    let fits = margin + before + 1 + display_width(label) <= WIDTH;
    let mark = AnnotationKind::Primary.span(span);
    let mark = match fits {
        true => mark.label(label.to_owned()),
        false => mark,
    };
    let snippet = Snippet::source(line).line_start(spot.line as usize);
    let group = group.element(snippet.path(shown.to_owned()).annotation(mark));
    match fits {
        true => group,
        false => with_note(group, margin, label), // no room beside it
    }
}

fn without_line<'a>(group: Group<'a>, spot: &Spot, shown: &str, label: &str) -> Group<'a> {
    let origin = Origin::path(shown.to_owned()).line(spot.line as usize);
    let origin = match spot.column {
        Column::Byte(0) | Column::Display(0) => origin,
        Column::Byte(column) | Column::Display(column) => origin.char_column(column as usize),
    };
    with_note(group.element(origin), 1, label)
}

/// The label below, as rustc's notes are.
fn with_note<'a>(group: Group<'a>, margin: usize, label: &str) -> Group<'a> {
    let label = textwrap::fill(label, WIDTH - margin - "= ".len());
    group.element(Level::NOTE.no_name().message(label))
}

#[cfg(test)]
mod tests {
    use std::{env, fs, process};

    use textwrap::core::display_width;

    use super::draw;
    use crate::place::{Column, Spot};

    const LABEL: &str = "your thread waits here: recv on fd 7, nothing will arrive";

    /// The picture of the one line of a file, its 24th.
    fn picture(name: &str, line: &str, column: Column, label: &str) -> String {
        let root = env::temp_dir().join(format!("picture-{name}-{}", process::id()));
        fs::create_dir_all(root.join("exercises")).unwrap();
        let text = "\n".repeat(23) + line + "\n";
        fs::write(root.join("exercises/03_echo.rs"), text).unwrap();
        let spot = Spot {
            file: root.join("exercises/03_echo.rs").display().to_string(),
            line: 24,
            column,
        };
        let picture = draw(&spot, &root, label, false);
        fs::remove_dir_all(&root).unwrap();
        picture
    }

    #[test]
    fn the_call_is_marked_and_the_label_stands_beside_it() {
        let line = "    stream.read(&mut buf)?;";
        let expected = "  --> exercises/03_echo.rs:24:12
   |
24 |     stream.read(&mut buf)?;
   |            ^^^^ your thread waits here: recv on fd 7, nothing will arrive
";
        assert_eq!(picture("beside", line, Column::Byte(12), LABEL), expected);
    }

    #[test]
    fn a_label_without_room_stands_below() {
        let line = "        let n = reader.read_exact(&mut buf)?;";
        let expected = "  --> exercises/03_echo.rs:24:24
   |
24 |         let n = reader.read_exact(&mut buf)?;
   |                        ^^^^^^^^^^
   |
   = your thread waits here: recv on fd 7, nothing will arrive
";
        assert_eq!(picture("below", line, Column::Byte(24), LABEL), expected);
    }

    #[test]
    fn it_fits_80_columns() {
        let long = format!(
            "    {}.read(&mut buf).map({})?;",
            "a".repeat(70),
            "b".repeat(70)
        );
        let tabs =
            "\t\t\t\tlet é = \"日本\"; stream.read(&mut buf).unwrap_or_default().to_string();";
        let words = [LABEL; 4].join(" ");
        for line in [&long, tabs, "    x.y()"] {
            for column in (0..line.len() as u32 + 2).step_by(5) {
                for label in ["here", LABEL, &words] {
                    for column in [Column::Byte(column), Column::Display(column)] {
                        let picture = picture("fits", line, column, label);
                        let widest = picture.lines().map(display_width).max();
                        assert!(widest <= Some(80), "{widest:?}\n{picture}");
                    }
                }
            }
        }
    }

    #[test]
    fn without_the_file_only_the_place_is_shown() {
        let spot = Spot::of_panic("exercises/03_echo.rs:24:12").unwrap();
        let picture = draw(
            &spot,
            "/there is no such folder".as_ref(),
            "panicked",
            false,
        );
        assert_eq!(picture, "--> exercises/03_echo.rs:24:12\n = panicked\n");
        assert_eq!(Spot::of_panic("nowhere"), None);
    }
}
