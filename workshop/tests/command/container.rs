//! The container of `.devcontainer`: its packages exist, and are those that the documents and
//! `.ci/run` name. What needs a container engine is not tried here: whether the image builds,
//! whether rustup and mdbook can be installed in it, and what the engine allows the user in it.

use std::{collections::BTreeSet, fs, process::Command};

use serde_json::Value;

use crate::{common::installed, page::root};

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The packages that the Dockerfile installs.
fn installs() -> BTreeSet<String> {
    let file = read(".devcontainer/Dockerfile");
    let (_, rest) = file
        .split_once("apt-get install")
        .expect("it installs packages");
    let (command, _) = rest.split_once("&&").expect("another command follows");
    packages(&command.replace('\\', " "))
}

/// The words of a command that are no options.
fn packages(command: &str) -> BTreeSet<String> {
    let words = command
        .split_whitespace()
        .filter(|word| !word.starts_with('-'));
    words.map(str::to_owned).collect()
}

/// On Ubuntu, where CI may run, the same names are demanded of Ubuntu.
#[test]
fn debian_has_the_packages_of_the_container() {
    if !installed("apt-get") {
        return;
    }
    let mut command = Command::new("apt-get");
    command.args(["install", "--simulate", "--yes", "--no-install-recommends"]);
    let output = command
        .args(installs())
        .env("LC_ALL", "C")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // Without lists of packages apt-get knows none, whatever exists.
    let lists = fs::read_dir("/var/lib/apt/lists")
        .into_iter()
        .flatten()
        .flatten();
    if !lists
        .into_iter()
        .any(|list| list.path().to_string_lossy().contains("_Packages"))
    {
        return eprintln!("skipped: apt-get has no lists of packages (apt-get update gets them)");
    }
    assert!(output.status.success(), "{said}");
}

#[test]
fn the_container_has_what_the_documents_and_ci_name() {
    let installs = installs();
    let setup = read("book/src/setup.md");
    let (_, rest) = setup
        .split_once("sudo apt-get install ")
        .expect("it names packages");
    let named = packages(rest.lines().next().unwrap());
    assert!(named.len() > 5, "{named:?}");
    let missing: Vec<_> = named.difference(&installs).collect();
    assert!(
        missing.is_empty(),
        "setup.md names {missing:?}, the Dockerfile does not"
    );
    // In the table of setup.md the third column is Debian's.
    let rows = setup
        .lines()
        .filter(|line| line.starts_with("| ") && line.matches('|').count() == 6);
    let cells = rows.filter_map(|row| row.split('|').nth(3));
    let cells = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    for package in cells {
        assert!(
            installs.contains(package),
            "setup.md's table names {package}"
        );
    }
    let ci = read(".ci/run");
    let (_, rest) = ci.split_once("for pair in ").expect("it lists programs");
    let (list, _) = rest.split_once("; do").expect("the list ends");
    let pairs = list.replace('\\', " ");
    let pairs: Vec<(&str, &str)> = pairs
        .split_whitespace()
        .filter_map(|pair| pair.split_once(':'))
        .collect();
    assert!(pairs.len() > 8, "{pairs:?}");
    for (program, package) in pairs {
        // The browser in which pages are tried, and what drives it.
        if !["chromium", "node", "npm"].contains(&program) {
            assert!(
                installs.contains(package),
                ".ci/run names {package} for {program}"
            );
        }
    }
}

/// JSON with comments, as editors write it: a comment is a line of its own here.
fn json(path: &str) -> Value {
    let text = read(path);
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let text = lines.collect::<Vec<_>>().join("\n");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_container_is_an_ordinary_users_and_its_tasks_are_commands_of_the_workshop() {
    let container = json(".devcontainer/devcontainer.json");
    let file = read(".devcontainer/Dockerfile");
    assert_eq!(container["build"]["dockerfile"], "Dockerfile");
    let user = container["remoteUser"].as_str().unwrap();
    assert!(
        file.contains(&format!("--shell /bin/bash {user}"))
            && file.contains(&format!("\nUSER {user}\n"))
    );
    let added: Vec<&str> = container["capAdd"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(
        added,
        ["SYS_PTRACE"],
        "captures need no capability of the container's"
    );
    let settings = &container["customizations"]["vscode"]["settings"];
    assert_eq!(settings["rust-analyzer.check.workspace"], true);
    let tasks = json(".vscode/tasks.json");
    let tasks = tasks["tasks"].as_array().unwrap();
    let commands: Vec<&str> = tasks
        .iter()
        .filter_map(|task| task["command"].as_str())
        .collect();
    assert_eq!(
        commands,
        [
            "cargo workshop watch",
            "cargo workshop teach ${input:lesson}"
        ]
    );
    let setup = read("book/src/setup.md");
    for task in tasks {
        let label = task["label"].as_str().unwrap();
        assert!(
            setup.contains(&format!("`{label}`")),
            "setup.md does not name {label}"
        );
    }
    // The workflow and the image install the same mdbook.
    let mdbook = |text: &str| {
        let (_, rest) = text
            .split_once("cargo install --locked mdbook@")
            .expect("it installs mdbook");
        rest.split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(mdbook(&file), mdbook(&read(".github/workflows/book.yml")));
}
