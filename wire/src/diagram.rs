//! A conversation as a sequence diagram: two lifelines, the states of both ends beside them, and an
//! arrow for each segment. Time runs down, and not to scale: each segment has a row of its own.
//!
//! What is drawn is what the capture and the kernel's table say. `passage` reads from the numbers
//! which segments were lost, sent again or under way at the same time; `layout` says where things
//! stand, `label` what they say; here they become SVG. An SVG of a few shapes needs no library:
//! text is text, colours follow the reader's scheme, and nothing outside of the file is referred
//! to.

mod label;
mod layout;
mod lifeline;
mod passage;
#[cfg(test)]
mod tests;

use std::fmt::Write;

use crate::conversation::Conversation;

use layout::{Anchor, Arrow, Layout, Text};

/// Draws a conversation: an SVG of its own, 800 units wide, that scales to any width.
///
/// Sequence numbers are relative, as in Wireshark: each end's SYN is 0. Windows, in bytes, are
/// written where one of them closes. A segment that was sent again because it had not been
/// acknowledged ends in a cross.
#[must_use]
pub fn svg(conversation: &Conversation, title: &str) -> String {
    let layout = Layout::of(conversation, title);
    let mut out = String::new();
    head(&mut out, &layout, title);
    for text in &layout.texts {
        draw_text(&mut out, text);
    }
    for span in &layout.spans {
        let _ = writeln!(
            out,
            r#"<rect class="{}" x="{:.1}" y="{:.1}" width="5" height="{:.1}" rx="2.5"/>"#,
            span.class,
            span.x - 2.5,
            span.from,
            span.to - span.from
        );
    }
    for arrow in &layout.arrows {
        draw_arrow(&mut out, arrow);
    }
    out.push_str("</svg>\n");
    out
}

/// The fonts of a reader who has none of the others: each is as wide as the next, 0.6 em, or
/// narrower.
const STYLE: &str = r#"<style>
text { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace; fill: #1f2328 }
.title { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", Arial, sans-serif; font-weight: 600 }
.role { font-weight: 700 }
.flags { font-weight: 700 }
.muted, .address, .note { fill: #59636e }
.lost { fill: #b3261e }
.paper { fill: #ffffff }
.arrow { stroke: #1f2328; stroke-width: 1.5; fill: none }
.tip { fill: #1f2328 }
.arrow.gone, .cross { stroke: #b3261e; stroke-width: 1.5; fill: none }
.arrow.gone { stroke-dasharray: 6 4 }
.cross { stroke-width: 2.5 }
.state { font-weight: 700 }
.state.none { fill: #59636e } rect.none { fill: #c4cad1 }
.state.opening { fill: #0757ba } rect.opening { fill: #4a90e8 }
.state.open { fill: #116329 } rect.open { fill: #2da44e }
.state.closing { fill: #953800 } rect.closing { fill: #e2762b }
.state.waiting { fill: #6f36c4 } rect.waiting { fill: #9a6ce0 }
@media (prefers-color-scheme: dark) {
text, .tip { fill: #e6edf3 }
.muted, .address, .note, .state.none { fill: #9aa4af }
.lost { fill: #ff8a80 }
.paper { fill: #0d1117 }
.arrow { stroke: #e6edf3 }
.arrow.gone, .cross { stroke: #ff8a80 }
rect.none { fill: #4d5661 }
.state.opening { fill: #79b8ff }
.state.open { fill: #56d364 }
.state.closing { fill: #ffa657 }
.state.waiting { fill: #c8a6ff }
}
</style>
"#;

fn head(out: &mut String, layout: &Layout, title: &str) {
    let (width, height, title) = (layout::WIDTH, layout.height, escape(title));
    let _ = writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:.0}" role="img" aria-label="{title}">"#
    );
    let _ = writeln!(
        out,
        "<title>{title}</title>\n<desc>{}</desc>",
        escape(&layout.words)
    );
    out.push_str(STYLE);
    let _ = writeln!(
        out,
        r#"<rect class="paper" width="{width}" height="{height:.0}"/>"#
    );
}

fn draw_text(out: &mut String, text: &Text) {
    let anchor = match text.anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    let (x, y) = (text.x, text.y);
    let turn = match text.degrees {
        0.0 => String::new(),
        degrees => format!(r#" transform="rotate({degrees:.2} {x:.1} {y:.1})""#),
    };
    let _ = write!(
        out,
        r#"<text x="{x:.1}" y="{y:.1}" font-size="{:.1}" text-anchor="{anchor}"{turn} class="{}">"#,
        text.size, text.class
    );
    // Parts of one line in different weights: a space is a character of the text.
    for (i, (class, words)) in text.parts.iter().enumerate() {
        let space = if i > 0 { " " } else { "" };
        let words = escape(words);
        let _ = match *class {
            "" => write!(out, "{space}{words}"),
            class => write!(out, r#"{space}<tspan class="{class}">{words}</tspan>"#),
        };
    }
    out.push_str("</text>\n");
}

fn draw_arrow(out: &mut String, arrow: &Arrow) {
    let Arrow { from, to, lost, .. } = *arrow;
    let class = if lost { "arrow gone" } else { "arrow" };
    let length = (to.0 - from.0).hypot(to.1 - from.1);
    let (dx, dy) = ((to.0 - from.0) / length, (to.1 - from.1) / length);
    // The line ends inside the tip, which is sharp: it does not show there.
    let short = if lost { 0.0 } else { 6.0 };
    let _ = writeln!(
        out,
        r#"<path class="{class}" d="M{:.1} {:.1}L{:.1} {:.1}"/>"#,
        from.0,
        from.1,
        to.0 - dx * short,
        to.1 - dy * short
    );
    let _ = if lost {
        let (x, y) = to;
        writeln!(
            out,
            r#"<path class="cross" d="M{:.1} {:.1}l10 10m0 -10l-10 10"/>"#,
            x - 5.0,
            y - 5.0
        )
    } else {
        // A triangle of 11 by 8: back along the line, then to either side of it.
        let (x, y) = (to.0 - dx * 11.0, to.1 - dy * 11.0);
        let (sx, sy) = (-dy * 4.0, dx * 4.0);
        writeln!(
            out,
            r#"<path class="tip" d="M{:.1} {:.1}L{:.1} {:.1}L{:.1} {:.1}Z"/>"#,
            to.0,
            to.1,
            x + sx,
            y + sy,
            x - sx,
            y - sy
        )
    };
}

/// What XML takes for markup, as text; what no XML may contain, as a question mark.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' | '\r' => escaped.push(' '),
            c if c.is_control() || c == '\u{fffe}' || c == '\u{ffff}' => escaped.push('?'),
            c => escaped.push(c),
        }
    }
    escaped
}
