//! What the book makes of all recordings together: slides, the list of claims, and the instructor's
//! guide.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;
use socket_workshop::folder::Temporary;
use workshop::{
    book::{Lesson, claims, html::sentence, include, lessons, slides},
    recording,
};

use crate::page::{browser, in_a_browser, root};

fn texts(lesson: &Lesson, event: &str, member: &str) -> Vec<String> {
    let events = lesson.events().iter().filter(|it| it["event"] == event);
    let texts = events.filter_map(|it| it[member].as_str());
    texts
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_recorded_lesson_has_slides_with_its_stages_and_questions_in_their_order() {
    let all = lessons(root()).unwrap();
    let names: BTreeSet<String> = all.iter().map(|lesson| lesson.name.clone()).collect();
    let recorded = recording::lessons(root()).unwrap();
    assert_eq!(names, recorded.into_iter().collect());
    for lesson in all {
        let deck = slides::deck(root(), &lesson.name).unwrap();
        let mut rest = &*deck;
        for stage in lesson.events().iter().filter(|it| it["event"] == "stage") {
            let question = stage["question"].as_str().unwrap();
            if !question.is_empty() {
                let slide = format!("question\"><div>\n<p>{}</p>", sentence(question));
                rest = after(rest, &slide, &lesson.name);
            }
            let title = sentence(stage["title"].as_str().unwrap());
            rest = after(
                rest,
                &format!("<h2>{}. {title}</h2>", stage["number"]),
                &lesson.name,
            );
        }
        for claim in texts(&lesson, "claimed", "text")
            .iter()
            .flat_map(|text| text.lines())
        {
            let first = claim.split(['-', '`']).next().unwrap(); // before what is set differently
            assert!(deck.contains(&sentence(first)), "{}: {claim}", lesson.name);
        }
        let remembers = lesson.chapter.contains("\n## Remember\n");
        assert_eq!(
            rest.contains("<h2>Remember</h2>"),
            remembers,
            "{}",
            lesson.name
        );
        let pictures = lesson.chapter.matches("\n{{#picture ").count();
        assert_eq!(deck.matches("<img ").count(), pictures, "{}", lesson.name);
        for asked in ["src=\"http", "href=\"http", "url(", "import ", "fetch("] {
            assert!(!deck.contains(asked), "{} has {asked}", lesson.name);
        }
    }
}

/// What follows a text, which must be there.
fn after<'a>(rest: &'a str, text: &str, lesson: &str) -> &'a str {
    let found = rest.split_once(text);
    found
        .unwrap_or_else(|| panic!("{lesson}: no `{text}`, or not in its place"))
        .1
}

#[test]
fn a_picture_comes_before_the_stage_that_follows_it_in_the_chapter() {
    let checkout = Temporary::new().unwrap();
    let put = |path: &str, text: &str| {
        let path = checkout.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    put(
        "book/src/echo.md",
        "# Bytes & more\n\n*After it you can `read`. 5 minutes.*\n\n{{#stage echo 2}}\n\n\
         {{#picture b \"`b` <-\"}}\n\n{{#stage echo 3}}\n\n{{#picture a \"a\"}}\n\n\
         ## Remember\n\n- One `*thing*`\n  *goes* [on](hello.md).\n- Two\n\n## Read on\n\n- Three\n",
    );
    put("docs/pictures/a.svg", "<svg>ä</svg>");
    put("docs/pictures/b.svg", "<svg id=\"b\"/>");
    let stage = |number: u32| {
        serde_json::json!([
            {
                "event": "stage", "number": number, "title": "t", "question": "",
                "file": "f", "line": 1,
            },
            { "event": "claimed", "text": "FIN      <Ok>" },
            { "event": "stage_ends" },
            { "event": "told", "text": "\nfrom  to\n1 s\n2 s  x" },
            { "event": "claimed", "text": "It holds." },
        ])
    };
    let events: Vec<Value> = (1..=3)
        .flat_map(|number| stage(number).as_array().unwrap().clone())
        .collect();
    let recording = serde_json::json!({ "lesson": "echo", "events": events });
    put("book/src/recordings/echo.json", &recording.to_string());
    let deck = slides::deck(checkout.path(), "echo").unwrap();
    let mut rest = &*deck;
    for text in [
        "<h1>Bytes &amp; more</h1>\n<p>After it you can <code>read</code>.</p>",
        "<h2>1. t</h2>\n<p class=\"claim columns\">FIN      &lt;Ok&gt;</p>",
        "<p class=\" columns\">from  to</p>\n<p class=\" columns\">1 s</p>\n\
         <p class=\" columns\">2 s  x</p>\n<p class=\"claim \">It holds.</p>\n</div>",
        "<h2>2. t</h2>",
        "<img src=\"data:image/svg+xml,%3Csvg%20id%3D%22b%22%2F%3E\" alt=\"b &lt;-\">\n\
         <p><code>b</code> &lt;-</p>",
        "<h2>3. t</h2>",
        "%3Csvg%3E%C3%A4%3C%2Fsvg%3E",
        "<li>One <code>*thing*</code> goes on.</li>\n<li>Two</li>\n</ul>",
    ] {
        rest = after(rest, text, "echo");
    }
    assert!(!deck.contains("Three"), "{deck}");
}

#[test]
fn the_list_of_claims_has_every_claim_and_demand_of_every_recording() {
    let list = claims::chapter(root()).unwrap();
    let mut rest = &*list;
    for lesson in lessons(root()).unwrap() {
        rest = after(
            rest,
            &format!("\n## [{}]({}.md)\n", lesson.title, lesson.name),
            &lesson.name,
        );
        let section = rest.split("\n## ").next().unwrap();
        for claim in texts(&lesson, "claimed", "text") {
            assert!(
                section.contains(&sentence(&claim)),
                "{}: {claim}",
                lesson.name
            );
        }
        let demands = lesson
            .events()
            .iter()
            .filter_map(|it| it["demands"].as_array());
        for demand in demands.flatten() {
            let text = format!(
                "{}: {}",
                demand["role"].as_str().unwrap(),
                demand["demand"].as_str().unwrap()
            );
            assert!(
                section.contains(&sentence(&text)),
                "{}: {text}",
                lesson.name
            );
        }
        let open = section.matches("<li").count();
        assert_eq!(section.matches("</li>").count(), open, "{}", lesson.name);
    }
}

#[test]
fn a_document_in_the_book_links_to_chapters() {
    let guide = include::document(root(), "docs/teaching.md").unwrap();
    assert!(guide.starts_with("For an instructor"), "{}", &guide[..80]);
    for link in ["](reading.md)", "](glossary.md)", "](#pictures)"] {
        assert!(guide.contains(link), "{link}");
    }
    assert!(!guide.contains("](../"));
    let checkout = Temporary::new().unwrap();
    fs::create_dir(checkout.path().join("docs")).unwrap();
    let put = |text: &str| fs::write(checkout.path().join("docs/a.md"), text).unwrap();
    let include = || include::document(checkout.path(), "docs/a.md");
    put("# A\n\nSee [it](https://example.com/) and [b](#b).\n");
    assert_eq!(
        include().unwrap(),
        "See [it](https://example.com/) and [b](#b).\n"
    );
    put("# A\n\nSee [it](../examples/ehco.rs).\n");
    let refused = include().unwrap_err();
    assert!(
        refused.contains("docs/a.md links to ../examples/ehco.rs"),
        "{refused}"
    );
    let missing = include::document(checkout.path(), "docs/b.md").unwrap_err();
    assert!(missing.contains("docs/b.md"), "{missing}");
}

#[test]
fn slides_are_turned_with_the_keys_and_fit_and_print_one_to_a_page() {
    let Some(browser) = browser() else { return };
    let folder = Temporary::new().unwrap();
    let mut files = Vec::new();
    for name in recording::lessons(root()).unwrap() {
        let file = folder.path().join(&name).with_extension("html");
        fs::write(&file, slides::deck(root(), &name).unwrap()).unwrap();
        files.push(file);
    }
    let files: Vec<&str> = files
        .iter()
        .map(|file: &std::path::PathBuf| file.to_str().unwrap())
        .collect();
    in_a_browser(&browser, "slides.mjs", &files);
}

#[test]
fn an_error_of_the_index_names_its_kind_and_leads_to_a_chapter() {
    let index = fs::read_to_string(root().join("book/src/errors.md")).unwrap();
    let entries: Vec<&str> = index.split("\n### ").skip(1).collect();
    assert!(entries.len() >= 35, "{} entries", entries.len());
    for entry in entries {
        let entry = entry.split("\n## ").next().unwrap();
        let (symptom, text) = entry.split_once('\n').unwrap();
        let links = text
            .split("→ ")
            .nth(1)
            .unwrap_or_else(|| panic!("{symptom}: no chapter"));
        for link in links.split("](").skip(1) {
            let chapter = link.split(')').next().unwrap();
            let path = Path::new("book/src").join(chapter);
            assert!(root().join(&path).exists(), "{symptom}: {}", path.display());
        }
        // `EPIPE` (32): what this system calls it is what the entry says.
        let numbers = text
            .split("` (")
            .skip(1)
            .filter_map(|rest| rest.split(')').next()?.parse().ok());
        let names: Vec<&str> = text.split('`').skip(1).step_by(2).collect();
        for number in numbers {
            let kind = format!("{:?}", std::io::Error::from_raw_os_error(number).kind());
            let is_named = names.contains(&&*kind) || kind == "InProgress";
            assert!(is_named, "{symptom}: {number} is {kind}");
        }
    }
}
