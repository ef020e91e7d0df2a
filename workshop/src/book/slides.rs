//! A chapter as slides: its pictures, its questions and its stages, each in large type. One file,
//! which asks nothing of the network.

use std::{fs, io, path::Path};

use serde_json::Value;
use socket_workshop::fault::Attempt;

use super::{Directive, Lesson, chapter::PICTURES, html, lessons, stage};
use crate::page::COLOURS;

const TEMPLATE: &str = include_str!("../../page/slides.html");

/// The slides of a lesson, as a page.
///
/// # Errors
/// The chapter, the recording or a picture cannot be read.
pub fn deck(root: &Path, name: &str) -> io::Result<String> {
    let lesson = Lesson::open(root, name)?;
    Ok(TEMPLATE
        .replace("/* colours.css */", COLOURS)
        .replace("<!-- title -->", &html::escaped(&lesson.title))
        .replace("<!-- slides -->", &slides(root, &lesson)?.join("\n")))
}

/// The list of all slides, for a chapter of the book; and the names of the lessons that have some.
///
/// # Errors
/// A chapter or a recording cannot be read.
pub fn list(root: &Path) -> io::Result<(String, Vec<String>)> {
    let mut rows = String::from("| lesson | slides | questions | stages |\n|---|---|---|---|\n");
    let mut names = Vec::new();
    for lesson in lessons(root)? {
        let stages = stages(&lesson);
        let asked = stages.iter().filter(|stage| stage["question"] != "");
        let (name, title) = (&lesson.name, &lesson.title);
        rows += &format!(
            "| [{title}]({name}.md) | [{} slides](slides/{name}.html) | {} | {} |\n",
            slides(root, &lesson)?.len(),
            asked.count(),
            stages.len()
        );
        names.push(lesson.name);
    }
    Ok((rows, names))
}

/// Title; pictures where the chapter has them; before each stage its question; what to remember.
fn slides(root: &Path, lesson: &Lesson) -> io::Result<Vec<String>> {
    let mut slides = vec![opening(lesson)];
    let mut pictures = pictures(lesson).into_iter().peekable();
    for stage in stages(lesson) {
        let number = stage["number"].as_u64().unwrap_or(0);
        while let Some((_, name, caption)) = pictures.next_if(|(before, ..)| *before <= number) {
            slides.push(picture(root, &name, &caption)?);
        }
        if let Some(question) = stage["question"].as_str().filter(|it| !it.is_empty()) {
            let question = html::sentence(question);
            slides.push(slide("question", &format!("<p>{question}</p>")));
        }
        slides.push(slide("stage", &shown(&lesson.recording, stage)));
        slides.extend(between(&stage::after(&lesson.recording, number)));
    }
    for (_, name, caption) in pictures {
        slides.push(picture(root, &name, &caption)?);
    }
    let remember = remember(&lesson.chapter);
    if !remember.is_empty() {
        let items: Vec<String> = remember
            .iter()
            .map(|item| format!("<li>{item}</li>"))
            .collect();
        let items = items.join("\n");
        slides.push(slide(
            "remember",
            &format!("<h2>Remember</h2>\n<ul>\n{items}\n</ul>"),
        ));
    }
    Ok(slides)
}

fn slide(class: &str, content: &str) -> String {
    format!("<section class=\"slide {class}\"><div>\n{content}\n</div></section>")
}

fn stages(lesson: &Lesson) -> Vec<&Value> {
    let events = lesson.events().iter();
    events.filter(|event| event["event"] == "stage").collect()
}

/// The title, and the chapter's first sentence: what one can do after it.
fn opening(lesson: &Lesson) -> String {
    let mut blocks = lesson.chapter.split("\n\n");
    let promise = blocks.nth(1).unwrap_or_default().trim().replace('\n', " ");
    let promise = promise
        .strip_prefix('*')
        .and_then(|it| it.strip_suffix('*'));
    let promise = promise
        .and_then(|it| Some(it.split_once(". ")?.0))
        .map(plain);
    let promise = promise.map_or(String::new(), |it| format!("\n<p>{it}.</p>"));
    slide(
        "opening",
        &format!(
            "<p class=\"of\">Socket Workshop · <code>cargo run --example {}</code></p>\n\
             <h1>{}</h1>{promise}",
            html::escaped(&lesson.name),
            html::escaped(&lesson.title)
        ),
    )
}

/// The pictures of a chapter, each with the stage that follows it, its name and its caption. A
/// picture after the last stage that the chapter shows comes last.
fn pictures(lesson: &Lesson) -> Vec<(u64, String, String)> {
    let directives = lesson.chapter.lines().rev().filter_map(Directive::parse);
    let (mut pictures, mut next) = (Vec::new(), u64::MAX);
    for directive in directives.flatten() {
        match directive {
            Directive::Stage(of, number) if of == lesson.name => next = number,
            Directive::Picture(name, caption) => {
                pictures.push((next, name.to_owned(), caption.to_owned()));
            }
            _ => {}
        }
    }
    pictures.reverse();
    pictures
}

/// The picture as a part of the page.
fn picture(root: &Path, name: &str, caption: &str) -> io::Result<String> {
    let path = format!("{PICTURES}/{name}.svg");
    let svg = fs::read_to_string(root.join(&path)).attempt(|| format!("cannot read {path}"))?;
    let mut source = String::from("data:image/svg+xml,");
    for byte in svg.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                source.push(char::from(byte));
            }
            _ => source += &format!("%{byte:02X}"),
        }
    }
    let alt = html::escaped(&caption.replace('`', ""));
    let caption = html::sentence(caption);
    let content = format!("<img src=\"{source}\" alt=\"{alt}\">\n<p>{caption}</p>");
    Ok(slide("picture", &content))
}

/// The title of a stage, its rows, and what to learn from them.
fn shown(recording: &Value, stage: &Value) -> String {
    let text = |value: &Value| html::sentence(value.as_str().unwrap_or_default());
    let number = stage["number"].as_u64().unwrap_or(0);
    let mut content = format!("<h2>{number}. {}</h2>", text(&stage["title"]));
    for event in stage::of(recording, number) {
        match event["event"].as_str().unwrap_or_default() {
            "passed" => {
                let lines = html::escaped(event["text"].as_str().unwrap_or_default());
                content += &format!("\n<pre>{lines}</pre>");
            }
            "shown" => content += &format!("\n<pre>{}</pre>", stage::rows(event).join("\n")),
            "explained" => content += &paragraphs("", &event["text"]),
            "claimed" => content += &paragraphs("claim", &event["text"]),
            _ => {}
        }
    }
    let source = format!("{}:{}", text(&stage["file"]), stage["line"]);
    content + &format!("\n<p class=\"source\">{source}</p>")
}

/// What is told after a stage, if it is more than a remark: claims, or lines such as a histogram.
fn between(events: &[&Value]) -> Option<String> {
    let mut content = String::new();
    for event in events {
        let class = if event["event"] == "claimed" {
            "claim"
        } else {
            ""
        };
        content += &paragraphs(class, &event["text"]);
    }
    let lines = content.matches("<p ").count();
    let has_claim = events.iter().any(|event| event["event"] == "claimed");
    (lines > 1 || has_claim).then(|| slide("between", &content))
}

/// A paragraph for each line of a text. A line that is set in columns stays so, and so does a short
/// one between two of them: its other columns are empty.
fn paragraphs(class: &str, text: &Value) -> String {
    let lines = text.as_str().unwrap_or_default().lines();
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    let is_wide = |at: usize| lines.get(at).is_some_and(|line| html::is_in_columns(line));
    let paragraph = |(at, line): (usize, &&str)| {
        let is_in_columns = is_wide(at) || (at > 0 && is_wide(at - 1) && is_wide(at + 1));
        let columns = if is_in_columns { "columns" } else { "" };
        // A line does not end within the name of a column.
        let line = html::sentence(line)
            .replace("v-Q", "v\u{2011}Q")
            .replace("d-Q", "d\u{2011}Q");
        format!("\n<p class=\"{class} {columns}\">{line}</p>")
    };
    lines.iter().enumerate().map(paragraph).collect()
}

/// The sentences or items of the section `Remember`.
fn remember(chapter: &str) -> Vec<String> {
    let Some((_, section)) = chapter.split_once("\n## Remember\n") else {
        return Vec::new();
    };
    let section = section.split("\n## ").next().unwrap_or_default();
    let mut items: Vec<String> = Vec::new();
    let mut begins = true;
    for line in section.lines().map(str::trim) {
        let item = line.strip_prefix("- ").or_else(|| {
            let (number, item) = line.split_once(". ")?;
            number.parse::<u8>().is_ok().then_some(item)
        });
        match (item, items.last_mut()) {
            _ if line.is_empty() => {}
            (Some(item), _) => items.push(item.to_owned()),
            (None, Some(last)) if !begins => *last += &format!(" {line}"),
            (None, _) => items.push(line.to_owned()),
        }
        begins = line.is_empty();
    }
    items.iter().map(|item| plain(item)).collect()
}

/// A sentence in Markdown as HTML: links and emphasis as their words, `names` as code.
fn plain(text: &str) -> String {
    let (mut words, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('[') {
        words += before;
        match after
            .split_once("](")
            .and_then(|(name, rest)| Some((name, rest.split_once(')')?.1)))
        {
            Some((name, after)) => (words, rest) = (words + name, after),
            None => (words, rest) = (words + "[", after),
        }
    }
    words += rest;
    let mut parts: Vec<String> = words.split('`').map(str::to_owned).collect();
    for part in parts.iter_mut().step_by(2) {
        *part = part.replace("**", "").replace('*', "");
    }
    html::sentence(&parts.join("`"))
}
