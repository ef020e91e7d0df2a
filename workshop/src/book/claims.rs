//! What the lessons claim, and where each claim is shown: generated from the recordings, so that it
//! is what a run has confirmed.

use std::{io, path::Path};

use serde_json::Value;

use super::{html, lessons};

/// The text of the chapter: a section for each lesson, an item for each stage.
///
/// # Errors
/// A chapter or a recording cannot be read.
pub fn chapter(root: &Path) -> io::Result<String> {
    let (mut sections, mut stages, mut demands, mut claims) = (Vec::new(), 0, 0, 0);
    for lesson in lessons(root)? {
        let events = lesson.events().iter();
        stages += events
            .clone()
            .filter(|event| event["event"] == "stage")
            .count();
        claims += events
            .clone()
            .filter(|event| event["event"] == "claimed")
            .count();
        let lists = events.filter_map(|event| event["demands"].as_array());
        demands += lists.map(Vec::len).sum::<usize>();
        sections.push(section(&lesson.name, &lesson.title, lesson.events()));
    }
    Ok(format!(
        "{} lessons show {stages} stages. In these the kernel confirmed {demands} demands on rows \
         of its table, and {claims} claims about something else.\n\n{}",
        sections.len(),
        sections.join("\n")
    ))
}

fn section(name: &str, title: &str, events: &[Value]) -> String {
    let text = |value: &Value| html::sentence(value.as_str().unwrap_or_default());
    let mut items = String::new();
    let mut is_open = false;
    for event in events {
        match event["event"].as_str().unwrap_or_default() {
            "stage" => {
                items += &format!(
                    "<li value=\"{}\"><b>{}</b> <span class=\"source\">{}:{}</span>\n<ul>\n",
                    event["number"],
                    text(&event["title"]),
                    text(&event["file"]),
                    event["line"]
                );
                is_open = true;
            }
            "confirmed" => {
                for one in event["demands"].as_array().into_iter().flatten() {
                    let (role, demand) = (text(&one["role"]), text(&one["demand"]));
                    items += &format!("<li class=\"kernel\">{role}: {demand}</li>\n");
                }
            }
            "claimed" => {
                let text = text(&event["text"]);
                let class = match (is_open, html::is_in_columns(&text)) {
                    (false, _) => "between", // two stages
                    (true, true) => "columns",
                    (true, false) => "told",
                };
                items += &format!("<li class=\"{class}\">{text}</li>\n");
            }
            "stage_ends" => {
                items += "</ul>\n</li>\n";
                is_open = false;
            }
            _ => {}
        }
    }
    format!("## [{title}]({name}.md)\n\n<ol class=\"claims\">\n{items}</ol>\n")
}
