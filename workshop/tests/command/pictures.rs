//! `cargo workshop pictures`: what is drawn is what has happened, and what is in the repository is
//! drawn.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{self, Command},
};

use roxmltree::{Document, Node};
use workshop::pictures::PLAYS;

/// The texts of a diagram whose class begins with this, from top to bottom.
fn texts<'a>(document: &'a Document, class: &str) -> Vec<Node<'a, 'a>> {
    let has = |node: &Node| {
        let classes = node.attribute("class").unwrap_or_default();
        classes.split(' ').next() == Some(class)
    };
    let nodes = document.descendants().filter(has);
    nodes.filter(|node| node.text().is_some()).collect()
}

fn text(node: &Node) -> String {
    node.text().unwrap_or_default().replace(", ", ",")
}

/// The flags of all segments that were sent.
fn flags_sent(record: &str) -> Vec<String> {
    let lines = record
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let sent = lines.filter(|words| words[1] == "sends");
    sent.map(|words| words[2].to_owned()).collect()
}

/// The states of an end, each once for as long as it stays.
fn states(record: &str, end: &str) -> Vec<String> {
    let lines = record
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let own = lines.filter(|words| words[0] == end);
    let state = |words: Vec<&str>| match words[6] {
        "CLOSE" => "CLOSED".to_owned(),
        state => state.to_owned(),
    };
    let mut states: Vec<String> = own.map(state).collect();
    states.dedup();
    states
}

#[test]
fn draws_what_has_happened() {
    let folder = env::temp_dir().join(format!("pictures-{}", process::id()));
    let mut command = Command::new(env!("CARGO_BIN_EXE_workshop"));
    let output = command.arg("pictures").arg(&folder).arg("--text").output();
    let output = output.expect("the program can be started");
    let complaint = String::from_utf8_lossy(&output.stderr);
    if complaint.contains("cannot have a network of its own") {
        assert_eq!(
            complaint.lines().count(),
            1,
            "one line, and why: {complaint}"
        );
        eprintln!("not here: {complaint}");
        return;
    }
    assert!(output.status.success(), "{complaint}");
    for play in PLAYS.iter().filter(|play| play.title.is_some()) {
        let read = |end| fs::read_to_string(folder.join(format!("{}.{end}", play.name)));
        let (drawn, record) = (read("svg").expect("drawn"), read("txt").expect("written"));
        let document = Document::parse(&drawn).expect("it is XML");
        let flags: Vec<String> = texts(&document, "flags").iter().map(text).collect();
        let sent = flags_sent(&record);
        assert!(
            sent.ends_with(&flags) && !flags.is_empty(),
            "{}: {flags:?} of {sent:?}",
            play.name
        );
        for (end, anchor) in [("client", "end"), ("server", "start")] {
            let beside = |node: &Node| node.attribute("text-anchor") == Some(anchor);
            let shown = texts(&document, "state").into_iter().filter(beside);
            let mut shown: Vec<String> = shown.map(|node| text(&node)).collect();
            // Before its first segment an end is CLOSED, or listens.
            if shown.len() > 1 && ["CLOSED", "LISTEN"].contains(&&*shown[0]) {
                shown.remove(0);
            }
            let states = states(&record, end);
            assert!(
                states.ends_with(&shown),
                "{}, {end}: {shown:?} of {states:?}",
                play.name
            );
        }
    }
    fs::remove_dir_all(folder).expect("its files can be removed");
}

#[test]
fn the_pictures_of_the_repository_are_whole_and_the_readme_shows_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("a workspace");
    let readme = fs::read_to_string(root.join("README.md")).expect("there is a README");
    for play in PLAYS.iter().filter(|play| play.title.is_some()) {
        let path = PathBuf::from("docs/pictures").join(format!("{}.svg", play.name));
        let drawn = fs::read_to_string(root.join(&path)).expect("it is drawn");
        let document = Document::parse(&drawn).expect("it is XML");
        let title = document.root_element().attribute("aria-label");
        assert_eq!(title, play.title, "{}", path.display());
        assert!(
            readme.contains(path.to_str().expect("text")),
            "{}",
            path.display()
        );
    }
}
