//! The book: its directives, its chapters, and the site that `cargo workshop book` makes of them, on
//! disk and in a real browser.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;
use socket_workshop::folder::Temporary;
use wire::frame::{from_hex, named_frames};
use workshop::{
    book::{
        self, Directive, Files, Piece, Sources,
        glossary::{Glossary, anchor},
        item::{self, items},
        kept_cause, marks, stage,
    },
    checks::EXERCISES,
    recording,
};

use crate::{
    common::installed,
    page::{browser, in_a_browser, root, workshop},
};

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn lessons() -> Vec<String> {
    let files = fs::read_dir(root().join("examples")).unwrap().flatten();
    let names = files.map(|file| file.file_name().into_string().unwrap());
    let names = names.filter_map(|name| Some(name.strip_suffix(".rs")?.to_owned()));
    names.collect()
}

/// The chapters that are in the book, each with its text.
fn chapters() -> Vec<(String, String)> {
    let paths = book::chapters(root()).unwrap().into_iter();
    paths
        .map(|path| {
            let text = read(Path::new(book::CHAPTERS).join(&path));
            (path, text)
        })
        .collect()
}

// ---- Items

/// How many more brackets a text opens than it closes, but for those in strings, characters and
/// comments.
fn open_brackets(lines: &[&str]) -> i32 {
    let text = lines.join("\n");
    let mut chars = text.chars().peekable();
    let (mut open, mut in_string) = (0, false);
    while let Some(c) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '"' => in_string = !in_string,
            _ if in_string => {}
            '/' if chars.peek() == Some(&'/') => drop(chars.find(|c| *c == '\n')),
            '\'' if chars.clone().nth(1) == Some('\'') => drop(chars.nth(1)),
            '{' | '(' | '[' => open += 1,
            '}' | ')' | ']' => open -= 1,
            _ => {}
        }
    }
    open
}

#[test]
fn every_item_of_every_lesson_is_found_from_its_first_line_to_its_last() {
    let mut count = 0;
    for lesson in lessons() {
        let source = read(format!("examples/{lesson}.rs"));
        let lines: Vec<&str> = source.lines().collect();
        let found = items(&source);
        for item in &found {
            let name = format!("{lesson} {}", item.name);
            assert_eq!(item.text.len(), item.lines.len(), "{name}");
            assert_eq!(open_brackets(&item.text), 0, "{name}: {:#?}", item.text);
            let after = lines.get(item.lines.end).map_or("", |line| line.trim());
            let begins = [
                "", "}", "const ", "static ", "fn ", "struct ", "enum ", "///", "type ",
            ];
            let is_over = begins.iter().any(|word| match *word {
                "" | "}" => after == *word,
                word => after.starts_with(word),
            });
            assert!(is_over, "{name}: `{after}` follows");
            let before = item
                .lines
                .start
                .checked_sub(1)
                .map_or("", |at| lines[at].trim());
            assert!(
                !before.starts_with("///"),
                "{name}: `{before}` belongs to it"
            );
            assert_eq!(item::find(&source, &item.name).as_ref(), Ok(item), "{name}");
        }
        // As many as there are lines that begin one, but for functions within functions.
        let begins = |line: &&str| {
            let line = line.strip_prefix("pub ").unwrap_or(line);
            ["fn ", "const ", "static ", "struct ", "enum "]
                .iter()
                .any(|it| line.starts_with(it))
        };
        let outer = lines.iter().copied().filter(|line| begins(line)).count();
        let found_outer = found
            .iter()
            .filter(|item| !item.name.contains("::"))
            .count();
        assert!(
            found_outer >= outer,
            "{lesson}: {found_outer} of {outer} items"
        );
        assert!(
            found.iter().any(|item| item.name == "main"),
            "{lesson} has a main"
        );
        count += found.len();
    }
    assert!(count > 250, "{count} items");
}

#[test]
fn items_are_told_apart() {
    let source = "\
/// One.
#[derive(Debug)]
struct Cell {
    count: u32,
}

impl Cell {
    const MOST: u32 = 3;

    /// Adds.
    fn add(
        &mut self,
        more: u32,
    ) -> Option<u32> {
        if more > 0 {
            self.count += more;
        }
        Some(self.count)
    }
}

impl Drop for Cell {
    fn drop(&mut self) {}
}

impl<T> From<T> for Other {
    fn add() {}
}

const MOST: usize = 6; // with a comment
const TEXT: &str =
    \"a text
of two lines\";
const LIST: [u32; 2] = [
    1,
    2,
];
pub(crate) const fn seven() -> u32 {
    7
}
";
    let names: Vec<String> = items(source).into_iter().map(|item| item.name).collect();
    let expected = [
        "Cell",
        "Cell::MOST",
        "Cell::add",
        "Cell::drop",
        "Other::add",
        "MOST",
        "TEXT",
        "LIST",
        "seven",
    ];
    assert_eq!(names, expected);
    let text = |name| item::find(source, name).unwrap().text;
    assert_eq!(text("Cell")[0], "/// One.");
    assert_eq!(text("Cell").len(), 5);
    assert_eq!(
        (text("Cell::add")[0], text("Cell::add")[9]),
        ("/// Adds.", "}")
    );
    assert_eq!(text("drop"), ["fn drop(&mut self) {}"]);
    assert_eq!(
        (text("TEXT").len(), text("LIST").len(), text("seven").len()),
        (3, 4, 3)
    );
    assert!(item::find(source, "add").is_err(), "there are two");

    let add = item::find(source, "Cell::add").unwrap();
    let (lines, text) = item::piece(&add, "if more", Some("}")).unwrap();
    assert_eq!(text, ["if more > 0 {", "    self.count += more;", "}"]);
    assert_eq!(source.lines().nth(lines.start).unwrap().trim(), text[0]);
    assert_eq!(
        item::piece(&add, "Some(", None).unwrap().1,
        ["Some(self.count)"]
    );
    assert_eq!(
        item::piece(&add, "Some(", Some("Some(")).unwrap().1.len(),
        1
    );
    let error = item::piece(&add, "if more", Some("less")).unwrap_err();
    assert_eq!(
        error,
        "no line of `Cell::add` contains `less` after `if more`"
    );
}

// ---- Directives

#[test]
fn a_directive_is_read_or_its_form_is_told() {
    let parse = |line| Directive::parse(line).unwrap();
    let piece = |from, to| Some(Piece { from, to });
    assert_eq!(
        parse("{{#code echo main}}"),
        Ok(Directive::Code("echo", "main", None))
    );
    assert_eq!(
        parse(r#"{{#code echo main "say!("x")" "a b"}}"#),
        Ok(Directive::Code(
            "echo",
            "main",
            piece(r#"say!("x")"#, Some("a b"))
        ))
    );
    assert_eq!(
        parse(r#"{{#code echo main "x"}}"#),
        Ok(Directive::Code("echo", "main", piece("x", None)))
    );
    assert_eq!(
        parse("  {{#stage echo 12}}"),
        Ok(Directive::Stage("echo", 12))
    );
    assert_eq!(
        parse(r#"{{#picture close "Who `close`s"}}"#),
        Ok(Directive::Picture("close", "Who `close`s"))
    );
    assert_eq!(Directive::parse("a line of text"), None);
    for (line, words) in [
        ("{{#stage echo}}", "it is written {{#stage LESSON NUMBER}}"),
        (
            "{{#stage echo two}}",
            "it is written {{#stage LESSON NUMBER}}",
        ),
        ("{{#code echo}}", "it is written {{#code LESSON ITEM}}"),
        ("{{#code echo main \"x}}", "it is written {{#code"),
        ("{{#picture close}}", "it is written {{#picture"),
        (
            "{{#stag echo 1}}",
            "there is no directive `stag`; there are code, ",
        ),
        (
            "{{#play echo}} and more",
            "a directive is a line of its own",
        ),
    ] {
        let error = parse(line).unwrap_err();
        assert!(error.starts_with(words), "{line}: {error}");
    }
}

fn chapter(text: &str) -> Result<String, Vec<String>> {
    let sources = Sources::open(root()).unwrap();
    sources.chapter("part/some.md", text, &mut Files::default())
}

#[test]
fn a_mistake_is_shown_without_the_marks_of_the_tests() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let hunk = lines(
        "     loop {\n-        a();\n-        b();\n\
         +        a(); // spins here\n+        c();\n     }",
    );
    let shown = "     loop {\n         a();\n-        b();\n+        c();\n     }";
    assert_eq!(marks::hunk_without(&hunk), Some(lines(shown)));
    let only_a_mark = lines("-        a();\n+        a(); // hangs here");
    assert_eq!(marks::hunk_without(&only_a_mark), None);
    let program = [
        "fn f() {",
        "    // hangs here",
        "    a(); // panics here",
        "}",
    ];
    assert_eq!(
        marks::program_without(&program),
        ["fn f() {", "    a();", "}"]
    );
}

#[test]
fn each_directive_becomes_what_it_names() {
    let sources = Sources::open(root()).unwrap();
    let mut files = Files::default();
    let text = "\
# Echo

A listener. `listener`

{{#code echo main}}

{{#stage echo 2}}

{{#play echo}}

{{#rules echo}}

{{#mistake echo unwraps}}

{{#picture close \"Who `close`s\"}}

```sh
{{#stage is left alone}}
```
";
    let chapter = sources.chapter("part/some.md", text, &mut files).unwrap();
    for words in [
        "<figcaption>examples/echo.rs:",
        "language-rust",
        "fn main() -&gt; ExitCode {",
        "<b>2. the client has shut down its sending half",
        "<span class=\"role\">&lt;- server's end</span>",
        "127.0.0.1:8330",
        "<iframe loading=\"lazy\" src=\"../play/echo.html\"",
        "<summary>All 6 stages as text</summary>",
        "<figcaption>exercises/03_echo.rs</figcaption>",
        "**Core rules (about 20 minutes)**",
        "\n\n  5. If the kernel takes only part of a write, send the rest.\n",
        "language-diff",
        "After a reset <code>read</code> and <code>write</code> return an error",
        "the caller must know.</p>",
        "<img src=\"../pictures/close.svg\" alt=\"Who closes\">",
        "<figcaption>Who <code>close</code>s</figcaption>",
        "{{#stage is left alone}}",
    ] {
        assert!(chapter.contains(words), "{words} is not in:\n{chapter}");
    }
    assert!(
        !chapter.contains("How to go on"),
        "the header ends before that"
    );
    assert!(files.played.contains("echo") && files.pictures.contains("close"));
    // A block of HTML ends at an empty line: code, which has some, stands alone.
    let lines: Vec<&str> = chapter.lines().collect();
    for pair in lines.windows(2).filter(|pair| pair[1].starts_with("<pre")) {
        assert_eq!(pair[0], "", "before {}", pair[1]);
    }
}

#[test]
fn a_directive_that_names_nothing_is_one_line_with_its_place() {
    for (directive, words) in [
        (
            "{{#code ehco main}}",
            "there is no examples/ehco.rs; did you mean `echo`?",
        ),
        (
            "{{#code echo mian}}",
            "examples/echo.rs has no item `mian`; it has main, ",
        ),
        (
            "{{#code echo main \"nowhere\"}}",
            "no line of `main` contains `nowhere`",
        ),
        ("{{#stage echo 7}}", "lesson echo has the stages 1 to 6"),
        ("{{#stage headers 1}}", "lesson headers has no recording; "),
        (
            "{{#play ehco}}",
            "lesson ehco has no recording; did you mean `echo`?",
        ),
        ("{{#rules hello}}", "there is no exercise `hello`"),
        (
            "{{#mistake echo unwarps}}",
            "exercise echo has no mistake `unwarps`; did you mean `unwraps`?",
        ),
        (
            "{{#picture clos \"x\"}}",
            "there is no docs/pictures/clos.svg; there are close, ",
        ),
        ("{{#nothing}}", "there is no directive `nothing`"),
    ] {
        let errors = chapter(&format!("# A\n\n{directive}\n")).unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:?}");
        let expected = format!("book/src/part/some.md:3: {directive}: {words}");
        assert!(
            errors[0].starts_with(&expected),
            "{}\n{expected}",
            errors[0]
        );
        assert_eq!(errors[0].lines().count(), 1);
    }
    let two = chapter("{{#nothing}}\n\n{{#stage echo 0}}\n").unwrap_err();
    assert_eq!(two.len(), 2, "all are told: {two:?}");
}

#[test]
fn a_cause_is_read_from_the_text_of_a_failure() {
    let failure =
        "FAILED\n  seen      x\n  cause     One line\n            and `two`.\n  look      y\n";
    assert_eq!(kept_cause(failure).unwrap(), "One line and `two`.");
    assert_eq!(kept_cause("FAILED\n  seen      x\n"), None);
}

/// The catalogue's own line is only a part of the cause.
#[test]
fn each_mistake_in_the_book_has_its_whole_cause() {
    let mut missing = Vec::new();
    for (path, text) in chapters() {
        for directive in text.lines().filter_map(Directive::parse).flatten() {
            let Directive::Mistake(exercise, name) = directive else {
                continue;
            };
            let folder = root().join("workshop/exercises").join(exercise);
            let is_there = |kind: &str| folder.join(kind).join(format!("{name}.txt")).exists();
            if !is_there("causes") && !is_there("kept") {
                missing.push(format!(
                    "{path}: workshop/exercises/{exercise}/causes/{name}.txt"
                ));
            }
        }
    }
    let advice = "make these files, empty, and run `UPDATE=1 cargo test -p catalogue`";
    assert!(missing.is_empty(), "{advice}: {missing:#?}");
}

/// A lesson is run, and each of its stages is made again from what it has recorded.
#[test]
fn a_stage_is_what_a_terminal_shows() {
    let folder = Temporary::new().unwrap();
    for lesson in ["hello", "reuseaddr", "datagrams", "families"] {
        let program = recording::program(root(), lesson).unwrap();
        let file = folder.path().join(lesson);
        let mut command = Command::new(program);
        command
            .args(["--listen", "127.0.0.1:0", "--record"])
            .arg(&file);
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{lesson}");
        let printed = String::from_utf8(output.stdout).unwrap();
        let is_of_the_machine = |line: &&str| !line.contains(" left by an earlier run)");
        let printed: Vec<&str> = printed.lines().filter(is_of_the_machine).collect();
        let events = fs::read_to_string(&file).unwrap();
        let events: Vec<Value> = events
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let recording = serde_json::json!({ "lesson": lesson, "events": events });
        let numbers = stage::numbers(&recording);
        assert!(numbers.len() >= 3, "{lesson}: {numbers:?}");
        for number in numbers {
            let lines = stage::lines(&recording, number).unwrap();
            let is_there = printed.windows(lines.len()).any(|window| window == lines);
            assert!(
                is_there,
                "{lesson} {number}:\n{}\n--- printed:\n{}",
                lines.join("\n"),
                printed.join("\n")
            );
            assert!(
                lines.iter().all(|line| line.chars().count() <= 80),
                "{lesson} {number}"
            );
        }
    }
}

// ---- The glossary

#[test]
fn the_first_occurrence_of_a_term_in_text_is_a_link() {
    let glossary = Glossary::parse(
        "# Glossary\n\nIntroduction.\n\n| term | what it means | lesson |\n|---|---|---|\n\
         | accept queue | Where they \"wait\". | [`listener`](../examples/listener.rs) |\n\
         | ACK | A flag. | [`hello`](../examples/hello.rs) |\n\
         | delayed ACK | Later. | [`hello`](../examples/hello.rs) |\n\
         | peer | The other. | [`hello`](../examples/hello.rs) |\n\
         | address family | Four or six. | [`hello`](../examples/hello.rs) |\n\
         | EAGAIN, EWOULDBLOCK | Later. | [`hello`](../examples/hello.rs) |\n\
         | `poll` | Waits. | [`hello`](../examples/hello.rs) |\n",
    )
    .unwrap();
    let link = |text: &str| {
        let linked = glossary.link(text, "");
        let mut parts = linked.split("](glossary.md#");
        let mut found = vec![];
        let mut before = parts.next().unwrap();
        for part in parts {
            found.push(before.rsplit_once('[').unwrap().1.to_owned());
            before = part;
        }
        found
    };
    assert_eq!(link("Peers, and a peer again. A peer."), ["Peers"]);
    assert_eq!(link("The accept\nqueue."), ["accept\nqueue"]);
    assert_eq!(link("A delayed ACK is an ACK."), ["delayed ACK", "ACK"]);
    assert_eq!(
        link("A delayed ACK."),
        ["delayed ACK"],
        "no link within a link"
    );
    assert_eq!(
        link("Address families, EWOULDBLOCK, `EAGAIN`"),
        ["Address families", "EWOULDBLOCK"]
    );
    assert_eq!(
        link("EAGAIN or EWOULDBLOCK"),
        ["EAGAIN"],
        "one entry, one link"
    );
    assert_eq!(
        link("the peer's end; a peer-to-peer net, peerless, my_peer, ack"),
        ["peer"]
    );
    for text in [
        "# A peer",
        "`peer`",
        "``a ` peer``",
        "```sh\npeer\n```",
        "[my peer](x.md)",
        "![peer](x.svg)",
        "<b title=\"peer\">",
        "https://peer/peer",
        "{{#code peer peer}}",
        "<div>\npeer\n</div>",
        "[peer [a]](x.md)",
        "\\peer",
        "[peer][ref]",
    ] {
        assert_eq!(link(text), [""; 0], "{text}");
    }
    assert_eq!(link("[peer]"), ["peer"], "no link");
    assert_eq!(
        glossary.link("An accept queue", "../"),
        "An [accept queue](../glossary.md#accept-queue \"Where they &quot;wait&quot;.\")"
    );
    let chapter = glossary.chapter();
    assert!(
        chapter.starts_with("Introduction.\n\naccept queue\n: Where they"),
        "{chapter}"
    );
    assert!(
        chapter.contains("Lesson [`listener`](listener.md)."),
        "{chapter}"
    );
}

// ---- The chapters

#[test]
fn every_chapter_is_there_and_every_lesson_has_one() {
    let in_book: BTreeSet<String> = chapters().into_iter().map(|(path, _)| path).collect();
    for lesson in lessons() {
        assert!(
            in_book.contains(&format!("{lesson}.md")),
            "{lesson} is not in SUMMARY.md"
        );
    }
    let files = fs::read_dir(root().join(book::CHAPTERS)).unwrap().flatten();
    for file in files.map(|file| file.file_name().into_string().unwrap()) {
        let is_chapter = file.ends_with(".md") && file != "SUMMARY.md";
        assert!(
            !is_chapter || in_book.contains(&file),
            "{file} is not in SUMMARY.md"
        );
    }
    for (path, text) in chapters() {
        let title = text.lines().next().unwrap_or_default();
        assert!(title.starts_with("# "), "{path} begins with `{title}`");
        assert!(text.lines().count() > 2, "{path} has no text");
    }
}

/// The names in the sidebar are the chapters' own.
#[test]
fn the_summary_has_the_chapters_titles() {
    let summary = read(Path::new(book::CHAPTERS).join("SUMMARY.md"));
    let differ: Vec<String> = chapters()
        .iter()
        .filter_map(|(path, text)| {
            let title = text.lines().next()?.strip_prefix("# ")?.replace('`', "");
            let entry = format!("[{title}]({path})");
            (!summary.contains(&entry)).then_some(entry)
        })
        .collect();
    assert!(differ.is_empty(), "SUMMARY.md should have {differ:#?}");
}

/// The fenced blocks of a text: what stands after the fence, and the lines.
fn blocks(text: &str) -> Vec<(String, Vec<String>)> {
    let mut blocks: Vec<(String, Vec<String>)> = Vec::new();
    let mut is_open = false;
    for line in text.lines() {
        match (line.trim_start().strip_prefix("```"), is_open) {
            (Some(info), false) => blocks.push((info.to_owned(), Vec::new())),
            (None, true) => blocks.last_mut().unwrap().1.push(line.trim().to_owned()),
            _ => continue,
        }
        is_open = !is_open || line.trim_start().strip_prefix("```").is_none();
    }
    blocks
}

/// The chapters about lessons have commands in fenced blocks, and nothing else.
#[test]
fn a_fenced_block_of_a_lessons_chapter_is_commands() {
    let lessons: BTreeSet<String> = lessons().into_iter().map(|name| name + ".md").collect();
    for (path, text) in chapters() {
        for (info, lines) in blocks(&text) {
            assert!(
                info == "sh" || !lessons.contains(&path),
                "{path}: ```{info} with {lines:?}"
            );
        }
    }
}

/// Each table of offsets and bytes in the chapters, as its rows.
fn tables_of_bytes() -> Vec<Vec<(usize, Vec<u8>)>> {
    let mut tables = Vec::new();
    for (_, text) in chapters() {
        let mut is_row = false;
        for line in text.lines() {
            let mut cells = line.split('|').skip(1).map(str::trim);
            let (offset, bytes) = (cells.next(), cells.next().unwrap_or_default());
            if (offset, bytes) == (Some("offset"), "bytes") {
                tables.push(Vec::new());
                is_row = true;
            } else if let Some(Ok(offset)) = offset.map(str::parse) {
                if is_row {
                    let bytes = from_hex(bytes.split('`').nth(1).unwrap()).unwrap();
                    tables.last_mut().unwrap().push((offset, bytes));
                }
            } else {
                is_row &= offset.is_some();
            }
        }
    }
    tables
}

#[test]
fn the_bytes_in_a_table_are_those_of_a_frame() {
    let frames = read("wire/data/frames.txt");
    let frames = named_frames(&frames).unwrap();
    let tables = tables_of_bytes();
    assert!(tables.len() >= 2 && tables.iter().all(|rows| rows.len() >= 10));
    for rows in tables {
        let wrong = |frame: &[u8]| {
            let differs = |(at, bytes): &&(usize, Vec<u8>)| {
                !frame.get(*at..).is_some_and(|rest| rest.starts_with(bytes))
            };
            rows.iter().filter(differs).count()
        };
        let fewest = frames.iter().map(|(_, frame)| wrong(frame)).min();
        assert_eq!(fewest, Some(0), "rows that no frame has: {rows:02x?}");
    }
}

/// The commands of all chapters, in fenced blocks and in the text, with where they stand.
fn commands(begin: &str) -> BTreeMap<String, String> {
    let mut commands = BTreeMap::new();
    for (path, text) in chapters() {
        let blocks = blocks(&text).into_iter().flat_map(|(_, lines)| lines);
        let spans = text
            .split('`')
            .skip(1)
            .step_by(2)
            .map(|span| span.replace('\n', " "));
        for line in blocks.chain(spans) {
            let line = line.trim_start_matches("$ ").trim();
            let Some(arguments) = line.strip_prefix(begin) else {
                continue;
            };
            // Comments, pipes, and what comes after.
            let end = ["#", "|", ">", "&", ";", "  "]
                .iter()
                .filter_map(|end| arguments.find(end))
                .min();
            let arguments = arguments[..end.unwrap_or(arguments.len())].trim();
            commands.entry(arguments.to_owned()).or_insert(path.clone());
        }
    }
    commands
}

#[test]
fn every_command_that_runs_a_lesson_names_one_and_flags_that_it_has() {
    let lessons = lessons();
    let mut helps: BTreeMap<String, String> = BTreeMap::new();
    let found = commands("cargo run --example ");
    assert!(found.len() > 20, "{found:?}");
    for (command, chapter) in found {
        let mut words = command.split_whitespace();
        let name = words.next().unwrap_or_default();
        if name == "NAME" {
            continue;
        }
        assert!(
            lessons.iter().any(|it| it == name),
            "{chapter}: there is no lesson {name}"
        );
        let arguments: Vec<&str> = words.collect();
        let Some((dashes, arguments)) = arguments.split_first() else {
            continue;
        };
        assert_eq!(*dashes, "--", "{chapter}: {command}");
        let subcommand = arguments
            .first()
            .filter(|word| word.chars().all(|c| c.is_ascii_lowercase()));
        let key = format!("{name} {}", subcommand.unwrap_or(&""));
        let help = helps.entry(key).or_insert_with(|| {
            let program = recording_or_headers(name);
            let help = |arguments: &[&str]| {
                let output = Command::new(&program).args(arguments).output().unwrap();
                String::from_utf8(output.stdout).unwrap()
            };
            let of_subcommand = subcommand.map(|word| help(&[word, "--help"]));
            help(&["--help"]) + &of_subcommand.unwrap_or_default()
        });
        if let Some(word) = subcommand {
            assert!(
                help.contains(word),
                "{chapter}: {command}: there is no `{word}` in\n{help}"
            );
        }
        for flag in arguments.iter().filter(|word| word.starts_with("--")) {
            assert!(
                help.contains(flag),
                "{chapter}: {command}: there is no {flag} in\n{help}"
            );
        }
    }
}

fn recording_or_headers(name: &str) -> PathBuf {
    match name {
        "headers" => root().join("target/debug/examples/headers"), // built by `cargo test`
        name => recording::program(root(), name).unwrap(),
    }
}

/// A command that is understood fails only for want of a checkout: with another exit status.
#[test]
fn every_command_of_the_workshop_is_understood() {
    let found = commands("cargo workshop");
    assert!(found.len() > 20, "{found:?}");
    for (command, chapter) in found {
        let capitals = |word: &&str| word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase());
        let words: Vec<&str> = command
            .split_whitespace()
            .map(|word| word.trim_matches(['[', ']', '…']))
            .filter(|word| !word.is_empty())
            .collect();
        let Some((subcommand, arguments)) = words.split_first() else {
            continue;
        };
        let names = arguments
            .iter()
            .filter(|word| !word.starts_with("--") && !capitals(word));
        match *subcommand {
            "check" | "watch" | "hint" | "solution" | "mistake" | "reset" => {
                if let Some(name) = names.clone().next().filter(|name| **name != "all") {
                    let known = EXERCISES
                        .iter()
                        .any(|it| it.name == *name || it.number.to_string() == *name);
                    assert!(known, "{chapter}: {command}: there is no exercise {name}");
                }
            }
            "teach" | "record" => {
                let known = names
                    .clone()
                    .all(|name| lessons().contains(&(*name).to_owned()));
                assert!(known, "{chapter}: {command}: there is no such lesson");
            }
            _ => {}
        }
        // Some would do their work; and one that is only spoken of may lack what it needs.
        if ["netstat", "pictures", "book"].contains(subcommand) || arguments.is_empty() {
            let help = workshop(&[*subcommand, "--help"]).output().unwrap();
            assert!(help.status.success(), "{chapter}: cargo workshop {command}");
            let help = String::from_utf8(help.stdout).unwrap();
            let mut flags = arguments.iter().filter(|word| word.starts_with("--"));
            assert!(
                flags.all(|flag| help.contains(flag)),
                "{chapter}: cargo workshop {command}"
            );
            continue;
        }
        let output = workshop(&words)
            .env("CARGO_MANIFEST_DIR", "/nonexistent/workshop")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_ne!(
            output.status.code(),
            Some(2),
            "{chapter}: cargo workshop {command}: {said}"
        );
    }
}

// ---- The site

/// The book, written into a folder; `None`, and a word about it, where mdbook is missing.
fn site() -> Option<Temporary> {
    if !installed("mdbook") {
        return None;
    }
    let folder = Temporary::new().unwrap();
    let output = workshop(&["book", "--folder", folder.path().to_str().unwrap()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    Some(folder)
}

fn files_below(folder: &Path, extension: &str, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        match entry.path() {
            path if path.is_dir() => files_below(&path, extension, files),
            path if path.extension().is_some_and(|it| it == extension) => files.push(path),
            _ => {}
        }
    }
}

/// The values of an attribute in a page, outside of scripts.
fn attributes(page: &str, name: &str) -> Vec<String> {
    let begin = format!(" {name}=\"");
    let values = page.split(&begin).skip(1);
    values
        .map(|rest| rest.split('"').next().unwrap().replace("&amp;", "&"))
        .collect()
}

/// A page without its scripts, which may have anything in them.
fn without_scripts(page: &str) -> String {
    let mut parts = page.split("<script");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (head, rest) = part.split_once("</script>").unwrap_or((part, ""));
        text += "<script";
        text += head.split('>').next().unwrap_or_default();
        text += ">";
        text += rest;
    }
    text
}

#[test]
fn all_links_lead_somewhere_and_no_page_asks_the_network() {
    let Some(site) = site() else { return };
    let mut pages = Vec::new();
    files_below(site.path(), "html", &mut pages);
    let pages: BTreeMap<PathBuf, String> = pages
        .into_iter()
        .map(|path| {
            let text = without_scripts(&fs::read_to_string(&path).unwrap());
            (path, text)
        })
        .collect();
    assert!(pages.len() > 40, "{} pages", pages.len());
    let ids: BTreeMap<&PathBuf, BTreeSet<String>> = pages
        .iter()
        .map(|(path, text)| (path, attributes(text, "id").into_iter().collect()))
        .collect();
    let is_outside = |link: &str| {
        link.starts_with("http:") || link.starts_with("https:") || link.starts_with("//")
    };
    let mut wrong = Vec::new();
    for (path, text) in &pages {
        let name = path
            .strip_prefix(site.path())
            .unwrap()
            .display()
            .to_string();
        for source in attributes(text, "src") {
            if is_outside(&source)
                || (!source.starts_with("data:") && !path.with_file_name(&source).exists())
            {
                wrong.push(format!("{name}: src=\"{source}\""));
            }
        }
        for part in text.split("<link").skip(1) {
            let tag = part.split('>').next().unwrap();
            for link in attributes(&format!(" {tag}"), "href") {
                if is_outside(&link)
                    || (!link.starts_with("data:") && !path.with_file_name(&link).exists())
                {
                    wrong.push(format!("{name}: link to {link}"));
                }
            }
        }
        if name == "print.html" || name == "toc.html" {
            continue; // all chapters in one page, and the sidebar without scripts
        }
        for link in attributes(text, "href") {
            if is_outside(&link) || link.starts_with("data:") || link.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => path.clone(),
                file => fs::canonicalize(path.with_file_name(file)).unwrap_or_default(),
            };
            let known = ids
                .get(&target)
                .is_none_or(|ids| anchor.is_empty() || ids.contains(anchor));
            if !target.exists() || !known {
                wrong.push(format!("{name}: {link}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // What a style sheet loads.
    let mut sheets = Vec::new();
    files_below(site.path(), "css", &mut sheets);
    for sheet in sheets {
        let text = fs::read_to_string(&sheet).unwrap();
        let loads = text
            .split("url(")
            .skip(1)
            .filter(|url| is_outside(url.trim_start_matches(['"', '\''])));
        assert_eq!(loads.count(), 0, "{}", sheet.display());
        assert!(!text.contains("@import"), "{}", sheet.display());
    }
    let glossary = Sources::open(root()).unwrap();
    let page = &ids[&site.path().join("glossary.html")];
    for entry in glossary.glossary().entries() {
        assert!(
            page.contains(&anchor(&entry.term)),
            "{} has no anchor",
            entry.term
        );
    }
    let index = fs::read_to_string(site.path().join("index.html")).unwrap();
    assert!(
        !index.contains("class=\"playground\""),
        "a playground asks the network"
    );
}

#[test]
fn what_stands_in_the_way_of_the_book_is_one_line() {
    let folder = Temporary::new().unwrap();
    let path = folder.path().to_str().unwrap();
    let output = workshop(&["book", "--folder", path])
        .env("PATH", "/nonexistent")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.contains("`cargo install mdbook` installs it"),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(3));

    fs::write(folder.path().join("letter.txt"), "mine").unwrap();
    let output = workshop(&["book", "--folder", path]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("has files that are not a book's"), "{said}");
    assert_eq!(output.status.code(), Some(2));
    assert!(folder.path().join("letter.txt").exists());

    let mut command = workshop(&["preprocess-book"]);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("stdin is not what mdbook gives"), "{said}");
}

#[test]
fn every_page_is_readable_in_a_browser_and_plays() {
    let (Some(browser), Some(site)) = (browser(), site()) else {
        return;
    };
    in_a_browser(&browser, "book.mjs", &[site.path().to_str().unwrap()]);
}
