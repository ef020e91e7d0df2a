//! Text, set to a width.

/// The characters in a line, at most: a terminal's, or a projector's.
pub const WIDTH: usize = 80;

/// Lines of at most `width` characters, broken at spaces, but for one between a number and its
/// unit. A line break in the text is kept.
#[must_use]
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in words(paragraph) {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::take(&mut line));
            } else if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&word);
        }
        lines.push(line);
    }
    lines
}

/// The title of a stage, and the line of source code that shows it: at the right edge of the
/// title's last line, or below it where there is no room.
#[must_use]
pub fn titled(title: &str, source: &str) -> [String; 2] {
    let lines = wrapped(title, WIDTH);
    let used = lines.last().map_or(0, |line| line.chars().count());
    let source = match used + 2 + source.len() <= WIDTH {
        true => format!("{source:>room$}", room = WIDTH - used),
        false => format!("\n{source:>WIDTH$}"),
    };
    [lines.join("\n"), source]
}

/// The words of a paragraph. A number and what follows it are one.
fn words(paragraph: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in paragraph.split(' ') {
        match words.last_mut() {
            Some(last) if last.parse::<f64>().is_ok() => *last += &format!(" {word}"),
            _ => words.push(word.to_owned()),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn a_number_stays_with_its_unit() {
        assert_eq!(wrapped("counts from 60 s.", 14), ["counts from", "60 s."]);
        assert_eq!(wrapped("one two\nthree", 5), ["one", "two", "three"]);
    }
}
