//! Mistakes without the marks by which the catalogue's tests know where a thread hangs.

use crate::mistakes::MARKS;

/// A program without marks.
pub fn program_without(lines: &[&str]) -> Vec<String> {
    let kept = lines.iter().filter_map(|line| without(line));
    kept.map(str::to_owned).collect()
}

/// A hunk without marks. `None` if nothing else was changed in it.
pub fn hunk_without(hunk: &[String]) -> Option<Vec<String>> {
    let lines: Vec<&str> = hunk.iter().filter_map(|line| without(line)).collect();
    let (mut shown, mut rest) = (Vec::new(), lines.as_slice());
    while let Some(line) = rest.first() {
        if !line.starts_with(['-', '+']) {
            shown.push((*line).to_owned());
            rest = &rest[1..];
            continue;
        }
        let removed = rest.iter().take_while(|line| line.starts_with('-')).count();
        let (removed, more) = rest.split_at(removed);
        let added = more.iter().take_while(|line| line.starts_with('+')).count();
        let (added, more) = more.split_at(added);
        rest = more;
        let same = |(before, after): &(&&str, &&str)| before[1..] == after[1..];
        let first = removed.iter().zip(added).take_while(same).count();
        let (stays, removed) = removed.split_at(first);
        shown.extend(stays.iter().map(|line| format!(" {}", &line[1..])));
        shown.extend(removed.iter().map(|line| (*line).to_owned()));
        shown.extend(added[first..].iter().map(|line| (*line).to_owned()));
    }
    let is_changed = shown.iter().any(|line| line.starts_with(['-', '+']));
    is_changed.then_some(shown)
}

/// A line without its mark. `None` if it is nothing but a mark, but for the sign of a diff.
fn without(line: &str) -> Option<&str> {
    let Some(before) = MARKS.iter().find_map(|mark| line.strip_suffix(mark)) else {
        return Some(line);
    };
    let before = before.trim_end();
    (!before.is_empty() && before != "+" && before != "-").then_some(before)
}
