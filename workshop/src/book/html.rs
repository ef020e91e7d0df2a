//! HTML in a chapter: blocks that Markdown passes on as they are.

/// A text, to be read as text.
#[must_use]
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A sentence in which `` `names` `` are code.
#[must_use]
pub fn sentence(text: &str) -> String {
    let mut html = String::new();
    let mut parts = text.split('`').peekable();
    let mut is_code = false;
    while let Some(part) = parts.next() {
        // A backtick without its second one is a character.
        let (open, close) = match (is_code, parts.peek().is_some()) {
            (true, true) => ("<code>", "</code>"),
            (true, false) => ("`", ""),
            (false, _) => ("", ""),
        };
        html += &format!("{open}{}{close}", escaped(part));
        is_code = !is_code;
    }
    html
}

/// Whether a line is set in columns, which only type of one width shows.
#[must_use]
pub fn is_in_columns(line: &str) -> bool {
    line.trim().contains("  ")
}

/// A figure, with a sentence above it. An empty line ends a block of HTML in Markdown, unless it is
/// in a `pre`: so that stands alone.
#[must_use]
pub fn figure(class: &str, above: &str, blocks: &[String]) -> String {
    let blocks = blocks.join("\n\n");
    format!(
        "<figure class=\"{class}\">\n<figcaption>{above}</figcaption>\n\n{blocks}\n\n</figure>\n"
    )
}

/// Code of this language, which is not run anywhere.
#[must_use]
pub fn code(language: &str, lines: &[&str]) -> String {
    let text = escaped(&lines.join("\n"));
    format!("<pre><code class=\"language-{language} ignore\">{text}\n</code></pre>")
}
