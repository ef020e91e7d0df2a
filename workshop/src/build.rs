//! Builds a program of the course with cargo.

use std::{
    env,
    ffi::OsString,
    io::{self, BufRead, IsTerminal},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde::Deserialize;
use socket_workshop::fault::Attempt;

/// The program of this target (`--example echo`), built by cargo. Cargo's messages go to stderr
/// unchanged. `None` if it does not compile.
///
/// # Errors
/// Cargo cannot be run.
pub(crate) fn build(root: &Path, target: &[&str]) -> io::Result<Option<PathBuf>> {
    #[derive(Deserialize)]
    struct Message {
        executable: Option<PathBuf>,
    }
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    // Cargo's words, and its progress bar although it is quiet.
    let at_a_terminal = if io::stderr().is_terminal() {
        "always"
    } else {
        "never"
    };
    let output = Command::new(&cargo)
        .current_dir(root)
        .args(["build", "--quiet"])
        .args(target)
        .args([
            "--message-format",
            "json-render-diagnostics",
            "--color",
            at_a_terminal,
        ])
        .env("CARGO_TERM_PROGRESS_WHEN", at_a_terminal)
        .env("CARGO_TERM_PROGRESS_WIDTH", "80")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .attempt(|| format!("cannot run {}", cargo.display()))?;
    if !output.status.success() {
        return Ok(None);
    }
    let lines = output.stdout.lines().map_while(Result::ok);
    let messages = lines.filter_map(|line| serde_json::from_str::<Message>(&line).ok());
    let program = messages.filter_map(|message| message.executable).last();
    program
        .map(Some)
        .ok_or_else(|| io::Error::other("cargo has not said where the program is"))
}
