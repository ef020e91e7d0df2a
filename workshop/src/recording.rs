//! `cargo workshop record`: a lesson written down, to be played on a page without a kernel.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use socket_workshop::{command::write_line, fault::Attempt, stop::Stop, table::ephemeral_ports};
use wire::{
    capture::{Capture, Files},
    namespace,
};

use crate::{
    build::build,
    page,
    play::{Next, Play},
};

/// Where the recordings of this repository are, from its root.
pub const FOLDER: &str = "book/src/recordings";

/// The first of the ports that stand for those that a kernel has chosen.
const FIRST_PORT: usize = 50_001;

/// Plays these lessons, or all, each once, and writes what happens into a file of its name.
///
/// # Errors
/// There is no such lesson, it does not compile, or it fails; a file cannot be written.
pub fn record(root: &Path, names: &[String], folder: Option<&Path>) -> io::Result<()> {
    let folder = folder.map_or_else(|| root.join(FOLDER), Path::to_owned);
    fs::create_dir_all(&folder).attempt(|| format!("cannot make {}", folder.display()))?;
    let lessons = lessons(root)?;
    let names = if names.is_empty() { &lessons } else { names };
    let mut programs = Vec::new();
    for name in names {
        programs.push((name, program(root, name)?));
    }
    let captures = namespace::enter().is_ok();
    let stop = Stop::on_ctrl_c()?;
    for (name, program) in programs {
        let capture = match captures {
            true => Some(Capture::on_loopback(None, &Files::default())?),
            false => None,
        };
        let mut play = Play::start(&program, &[], capture)?;
        let mut events = Vec::new();
        loop {
            match play.next(&stop)? {
                Next::Event(event) => {
                    if event["event"] == "stage_ends" {
                        play.go_on();
                    }
                    events.push(event);
                }
                Next::Stopped => return Ok(()),
                Next::Ended(Ok(())) => break,
                Next::Ended(Err(words)) => {
                    return Err(io::Error::other(format!("lesson {name} failed: {words}")));
                }
            }
        }
        let path = folder.join(format!("{name}.json"));
        let text = recording(root, name, events)?;
        fs::write(&path, text).attempt(|| format!("cannot write {}", path.display()))?;
        write_line(format_args!("{}", path.display()))?;
    }
    Ok(())
}

/// Writes a page for each recording of the repository.
///
/// # Errors
/// A recording cannot be read, or a page not be written.
pub fn pages(root: &Path, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder).attempt(|| format!("cannot make {}", folder.display()))?;
    for name in lessons(root)? {
        let recording = root.join(FOLDER).join(format!("{name}.json"));
        let text = fs::read_to_string(&recording)
            .attempt(|| format!("cannot read {}", recording.display()))?;
        let recording = serde_json::from_str(&text).map_err(io::Error::other)?;
        let file = folder.join(format!("{name}.html"));
        fs::write(&file, page::of(&recording))
            .attempt(|| format!("cannot write {}", file.display()))?;
        write_line(format_args!("{}", file.display()))?;
    }
    Ok(())
}

/// The lessons that show sockets, by their names.
///
/// # Errors
/// The folder cannot be read.
pub fn lessons(root: &Path) -> io::Result<Vec<String>> {
    let folder = root.join("examples");
    let files = fs::read_dir(&folder).attempt(|| format!("cannot read {}", folder.display()))?;
    let paths = files.map(|file| Ok(file?.path()));
    let paths: Vec<PathBuf> = paths.collect::<io::Result<_>>()?;
    let name = |path: &PathBuf| {
        let is_source = path.extension().is_some_and(|it| it == "rs");
        let name = path.file_stem()?.to_str()?.to_owned();
        (is_source && name != "headers").then_some(name) // it decodes bytes, and has no stages
    };
    let mut names: Vec<String> = paths.iter().filter_map(name).collect();
    names.sort();
    Ok(names)
}

/// The program of a lesson, built.
///
/// # Errors
/// There is no such lesson, or it does not compile.
pub fn program(root: &Path, name: &str) -> io::Result<PathBuf> {
    if !lessons(root)?.iter().any(|lesson| lesson == name) {
        let what = format!("there is no lesson `{name}` with stages: see examples/README.md");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    }
    build(root, &["--workspace", "--example", name])?
        .ok_or_else(|| io::Error::other(format!("lesson {name} does not compile")))
}

/// The source of a lesson: its file, and its lines.
///
/// # Errors
/// It cannot be read.
pub fn source(root: &Path, name: &str) -> io::Result<Value> {
    let file = format!("examples/{name}.rs");
    let text = fs::read_to_string(root.join(&file)).attempt(|| format!("cannot read {file}"))?;
    Ok(json!({ "file": file, "text": text }))
}

/// A recording as it is kept: a line for each event, with what differs from run to run made equal.
fn recording(root: &Path, name: &str, events: Vec<Value>) -> io::Result<String> {
    let source = source(root, name)?;
    let mut text = format!(
        "{{\"version\":1,\"lesson\":{},\"source\":{source},\"events\":[",
        json!(name)
    );
    let events = stable(events);
    let lines: Vec<String> = events.iter().map(|event| format!("\n{event}")).collect();
    text += &lines.join(",");
    Ok(text + "\n]}\n")
}

/// Without times, with ports that are numbered in the order in which they occur, and with timers in
/// whole seconds.
pub fn stable(mut events: Vec<Value>) -> Vec<Value> {
    let mut ports = BTreeMap::new();
    for event in &events {
        each_text(event, &mut |text| {
            for (_, digits) in numbers(text) {
                let port = digits.parse().unwrap_or(0);
                if ephemeral_ports().contains(&port) && text.contains(&format!(":{digits}")) {
                    let next = FIRST_PORT + ports.len();
                    ports.entry(digits.to_owned()).or_insert(next.to_string());
                }
            }
        });
    }
    for event in &mut events {
        if let Some(members) = event.as_object_mut() {
            members.remove("at");
            members.remove("time");
        }
        change_texts(event, &mut |text| {
            let text = renumbered(text, &ports);
            whole_seconds(&without_clocks(&text))
        });
    }
    events
}

/// Each run of digits in a text, with where it begins.
fn numbers(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let begins = move |(at, _): &(usize, char)| {
        let before = text[..*at].chars().next_back();
        !before.is_some_and(|c| c.is_ascii_digit())
    };
    let digits = text.char_indices().filter(|(_, c)| c.is_ascii_digit());
    digits.filter(begins).map(move |(at, _)| {
        let rest = &text[at..];
        let end = rest.find(|c: char| !c.is_ascii_digit());
        (at, &rest[..end.unwrap_or(rest.len())])
    })
}

fn renumbered(text: &str, ports: &BTreeMap<String, String>) -> String {
    let (mut changed, mut done) = (String::new(), 0);
    for (at, digits) in numbers(text) {
        changed += &text[done..at];
        changed += ports.get(digits).map_or(digits, |port| port);
        done = at + digits.len();
    }
    changed + &text[done..]
}

/// `timewait (59.98/0/0)` becomes `timewait (60/0/0)`.
fn whole_seconds(text: &str) -> String {
    let Some((before, rest)) = text.split_once(" (") else {
        return text.to_owned();
    };
    let Some((seconds, after)) = rest.split_once('/') else {
        return text.to_owned();
    };
    match seconds.parse::<f64>() {
        Ok(seconds) => format!("{before} ({:.0}/{after}", seconds.ceil()),
        Err(_) => text.to_owned(),
    }
}

/// Without the values of timestamps (RFC 7323), which are clocks.
fn without_clocks(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let is_clock = |word: &&&str| word.starts_with("TSval=") || word.starts_with("TSecr=");
    let words: Vec<&str> = words
        .iter()
        .filter(|word| !is_clock(word))
        .copied()
        .collect();
    words.join(" ")
}

fn each_text(value: &Value, look: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => look(text),
        Value::Array(values) => values.iter().for_each(|value| each_text(value, look)),
        Value::Object(members) => members.values().for_each(|value| each_text(value, look)),
        _ => {}
    }
}

fn change_texts(value: &mut Value, change: &mut impl FnMut(&str) -> String) {
    match value {
        Value::String(text) => *text = change(text),
        Value::Array(values) => values
            .iter_mut()
            .for_each(|value| change_texts(value, change)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|value| change_texts(value, change)),
        _ => {}
    }
}
