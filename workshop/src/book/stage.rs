//! A stage of a recording, as a terminal shows it: 80 columns, set by what sets a lesson's output.

use serde_json::Value;
use socket_workshop::{
    stage::{WIDTH, titled, wrapped},
    table::{Noted, narrow_columns},
};

use super::html::escaped;

/// The numbers of the stages of a recording, in their order.
#[must_use]
pub fn numbers(recording: &Value) -> Vec<u64> {
    let stages = events(recording).filter(|event| event["event"] == "stage");
    stages
        .filter_map(|stage| stage["number"].as_u64())
        .collect()
}

/// The lines that a terminal shows of this stage, without the empty one before it; `None` if there
/// is no such stage. Rows that an earlier run has left are not counted: they belong to the machine
/// on which the lesson was recorded.
#[must_use]
pub fn lines(recording: &Value, number: u64) -> Option<Vec<String>> {
    let begins = |event: &&Value| event["event"] == "stage" && event["number"] == number;
    let mut events = events(recording).skip_while(|event| !begins(event));
    let stage = events.next()?;
    let numbered = format!("{number}. {}", text(&stage["title"]));
    let source = format!("{}:{}", text(&stage["file"]), stage["line"]);
    let mut lines: Vec<String> = titled(&numbered, &source)
        .concat()
        .lines()
        .map(str::to_owned)
        .collect();
    let mut gap = true;
    for event in events {
        match text(&event["event"]) {
            "stage_ends" => break,
            "passed" => lines.extend(text(&event["text"]).lines().map(str::to_owned)),
            "shown" => {
                lines.push(String::new());
                lines.extend(table(event));
            }
            "explained" | "claimed" => {
                if std::mem::take(&mut gap) {
                    lines.push(String::new());
                }
                lines.extend(wrapped(text(&event["text"]), WIDTH));
            }
            _ => {}
        }
    }
    Some(lines)
}

/// The same as HTML, with the title and the roles marked.
#[must_use]
pub fn html(recording: &Value, number: u64) -> Option<String> {
    let lesson = escaped(text(&recording["lesson"]));
    let lines = lines(recording, number)?;
    let mut html = Vec::new();
    let mut is_title = true;
    for line in &lines {
        is_title = is_title && !line.is_empty();
        html.push(match is_title {
            true => heading(line),
            false => with_role(line),
        });
    }
    Some(format!(
        "<pre class=\"stage\" tabindex=\"0\" role=\"group\" aria-label=\"Stage {number} of lesson \
         {lesson}, as a terminal shows it\">{}\n</pre>",
        html.join("\n")
    ))
}

fn heading(line: &str) -> String {
    match line.rfind("examples/") {
        Some(at) => {
            let (title, source) = line.split_at(at);
            format!(
                "<b>{}</b><span class=\"source\">{}</span>",
                escaped(title),
                escaped(source)
            )
        }
        None => format!("<b>{}</b>", escaped(line)),
    }
}

/// A role stands after `<-`, or after `^` below its row.
fn with_role(line: &str) -> String {
    let below = line.trim_start().starts_with("^ ").then(|| line.find('^'));
    match below.flatten().or_else(|| line.find("<- ")) {
        Some(at) => {
            let (row, role) = line.split_at(at);
            format!(
                "{}<span class=\"role\">{}</span>",
                escaped(row),
                escaped(role)
            )
        }
        None => escaped(line),
    }
}

/// The events of this stage, without the one that begins it; none if there is no such stage.
pub(super) fn of(recording: &Value, number: u64) -> impl Iterator<Item = &Value> {
    let begins = move |event: &&Value| event["event"] == "stage" && event["number"] == number;
    let events = events(recording).skip_while(move |event| !begins(event));
    events
        .skip(1)
        .take_while(|event| event["event"] != "stage_ends")
}

/// What is told and claimed after this stage, and before the next one.
pub(super) fn after(recording: &Value, number: u64) -> Vec<&Value> {
    let begins = |event: &&Value| event["event"] == "stage" && event["number"] == number;
    let events = events(recording).skip_while(|event| !begins(event));
    let events = events
        .skip_while(|event| event["event"] != "stage_ends")
        .skip(1);
    events
        .take_while(|event| event["event"] != "stage")
        .filter(|event| event["event"] == "told" || event["event"] == "claimed")
        .collect()
}

/// The lines of a table, as HTML with the roles marked.
pub(super) fn rows(shown: &Value) -> Vec<String> {
    table(shown).iter().map(|line| with_role(line)).collect()
}

fn events(recording: &Value) -> impl Iterator<Item = &Value> {
    recording["events"].as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn table(shown: &Value) -> Vec<String> {
    let list = |name: &str| shown[name].as_array().cloned().unwrap_or_default();
    let rows: Vec<Noted> = list("rows").iter().map(row).collect();
    let mut lines = narrow_columns(&rows, WIDTH);
    let others = shown["other_rows"].as_u64().unwrap_or(0);
    if others > 0 {
        lines.push(format!("(not shown: {others} other rows of these ports)"));
    }
    lines.extend(list("without_row").iter().map(|end| {
        let role = text(&end["role"]);
        match text(&end["why"]) {
            "closed" => format!("(no row for the {role}: CLOSED)"),
            "minute over" => format!("(no row for the {role}: its minute is over)"),
            _ => format!("(no row for the {role})"),
        }
    }));
    lines
}

/// The columns of a row, and its role and figures.
fn row(row: &Value) -> Noted {
    let columns = [
        "protocol", "recv_q", "send_q", "local", "peer", "state", "timer",
    ];
    let columns = columns.map(|name| match &row[name] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    let figures = row["figures"].as_array().into_iter().flatten();
    let note: Vec<&str> = row["role"]
        .as_str()
        .into_iter()
        .chain(figures.map(text))
        .collect();
    (columns, (!note.is_empty()).then(|| note.join(", ")))
}
