//! The page on which a lesson is played, live or from a recording: one file, which asks nothing of
//! the network. What it shows it gets as JSON, and puts in as text.

use serde_json::Value;

const HTML: &str = include_str!("../page/page.html");
/// The colours, light and dark, and the type: those of the slides too.
pub(crate) const COLOURS: &str = include_str!("../page/colours.css");
const CSS: &str = include_str!("../page/page.css");
const SCRIPT: &str = include_str!("../page/page.js");

/// The page of a lesson: a recording (`docs/recordings.md`), or `live`, with the events to come.
#[must_use]
pub fn of(lesson: &Value) -> String {
    // In a script element `</script` would end it, whatever it is part of.
    let lesson = lesson.to_string().replace('<', "\\u003c");
    HTML.replace("/* colours.css */", COLOURS)
        .replace("/* page.css */", CSS)
        .replace("/* page.js */", SCRIPT)
        .replace("{}</script>", &format!("{lesson}</script>"))
}
