//! The lines of a wrong answer at which its threads hang, spin, wait or panic. The answer says
//! them, by a comment at the end of such a line or right above it, and its failure must show no
//! other.

use std::{collections::BTreeSet, ops::Range};

use workshop::{
    exam::{Failure, place::Spot},
    mistakes::MARKS,
};

/// What is wrong with the places that a failure shows, by the marks in the answer.
pub fn wrong_place(source: &str, file: &str, failure: &Failure) -> Option<String> {
    let lines: Vec<&str> = source.lines().collect();
    let marked = marked(&lines);
    if marked.is_empty() {
        return needs_a_mark(failure).then(|| {
            "the answer says no line: mark where it hangs, spins, waits or panics".to_owned()
        });
    }
    let is_known = !said_in(failure, "the line in your file is not known");
    if failure.places.is_empty() && is_known {
        let says = shown(&lines, &marked);
        return Some(format!(
            "the failure shows no line, and the answer says\n{says}"
        ));
    }
    let is_right = |spot: &Spot| spot.file == file && marked.contains(&spot.line);
    let mut spots = failure.places.iter().map(|place| &place.spot);
    let wrong = spots.find(|spot| !is_right(spot))?;
    Some(format!(
        "the failure shows, in {},\n{}and the answer says\n{}",
        wrong.file,
        shown(&lines, &BTreeSet::from([wrong.line])),
        shown(&lines, &marked)
    ))
}

/// Whether a thread of the answer's is somewhere, or was when it panicked.
fn needs_a_mark(failure: &Failure) -> bool {
    let has_a_thread = said_in(failure, "proven: ")
        && !said_in(failure, "no thread of yours")
        && !said_in(failure, "the exam stopped waiting"); // wherever its threads were
    !failure.places.is_empty() || has_a_thread || failure.seen.contains("your code panicked at")
}

fn said_in(failure: &Failure, words: &str) -> bool {
    failure.kernel.iter().any(|line| line.contains(words))
}

/// The numbers of the lines that are marked, from 1.
fn marked(lines: &[&str]) -> BTreeSet<u32> {
    let mut marked = BTreeSet::new();
    for (index, line) in lines.iter().enumerate() {
        let before = MARKS.iter().find_map(|mark| line.strip_suffix(mark));
        if let Some(before) = before {
            let stands_above = before.trim().is_empty();
            let statement = statement(lines, index + usize::from(stands_above));
            if line.ends_with("// spins here") {
                marked.extend(end_of_block(lines, statement.end - 1).map(|index| index as u32 + 1));
            }
            marked.extend(statement.map(|index| index as u32 + 1));
        }
    }
    marked
}

/// The line that closes the block which this line opens, if it does: a thread that goes round
/// passes it.
fn end_of_block(lines: &[&str], index: usize) -> Option<usize> {
    let code = |line: &str| {
        line.split(" //")
            .next()
            .unwrap_or_default()
            .trim_end()
            .to_owned()
    };
    let indent = |line: &str| line.len() - line.trim_start().len();
    let closes =
        |line: &&str| line.trim_start().starts_with('}') && indent(line) == indent(lines[index]);
    let length = lines[index..].iter().skip(1).position(closes);
    length
        .filter(|_| code(lines[index]).ends_with('{'))
        .map(|length| index + 1 + length)
}

/// The lines of the statement that this line is a part of. A block ends it: what stands in a block
/// are other statements.
fn statement(lines: &[&str], index: usize) -> Range<usize> {
    let ends = |line: &&str| {
        let code = line.split(" //").next().unwrap_or_default().trim();
        code.is_empty() || code.starts_with("//") || code.ends_with([';', ',', '{', '}'])
    };
    let before = lines[..index].iter().rev().take_while(|line| !ends(line));
    let start = index - before.count();
    let mut open = 0;
    let mut after = lines[index..].iter();
    let end = after.position(|line| {
        let count = |brackets: [char; 2]| line.matches(brackets).count() as i32;
        open += count(['(', '[']) - count([')', ']']);
        ends(line) && (open <= 0 || !line.trim_end().ends_with(','))
    });
    start..index + end.map_or(1, |length| length + 1)
}

fn shown(lines: &[&str], numbers: &BTreeSet<u32>) -> String {
    let line = |number: &u32| {
        let line = lines.get(*number as usize - 1).unwrap_or(&"");
        format!("{number:5} | {line}\n")
    };
    numbers.iter().map(line).collect()
}

/// A mark counts for its statement, and for no other.
pub fn marks_are_read() {
    let source = "\
let a = b
    .c() // hangs here
    .d();
// spins here
loop {
    // waits here
    let mut fds = [
        poll(x),
        poll(y),
    ];
    match read(\"// hangs here\") {
        Ok(0) => {} // spins here
        Err(_) => {}
    }
}
thread::scope(|scope| {
    other(); // panics here
})
";
    let lines: Vec<&str> = source.lines().collect();
    let numbers: Vec<u32> = marked(&lines).into_iter().collect();
    assert_eq!(numbers, [1, 2, 3, 5, 7, 8, 9, 10, 12, 15, 17]);
}
