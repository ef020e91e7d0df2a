//! Where everything stands: texts with their boxes, arrows, and the stretches of the lifelines.

use super::{
    label::{Parts, label, tells_windows, words, wrap},
    passage::{Passage, passages},
};
use crate::conversation::Conversation;

/// The width of a diagram. At 640 pixels the labels are 11 pixels high.
pub(super) const WIDTH: f64 = 800.0;
/// The lifelines, the client's first.
pub(super) const LIFELINES: [f64; 2] = [124.0, WIDTH - 124.0];
/// Half of the way between them, for two arrows that cross.
const HALF: f64 = (LIFELINES[1] - LIFELINES[0]) / 2.0;
/// How far an arrow falls on its way.
const FALL: f64 = 18.0;
/// And how far two fall that cross.
const LONG_FALL: f64 = 58.0;
/// From one line of a label to the next.
pub(super) const LINE: f64 = 18.0;
/// From the last line of a label to its arrow.
const ABOVE: f64 = 6.0;
/// From an arrow's end to the next label.
const GAP: f64 = 20.0;
/// An estimate of a glyph's width, in em: the widest of the fonts has 0.602.
pub(super) const GLYPH: f64 = 0.61;

/// What is drawn.
pub(super) struct Layout {
    pub(super) height: f64,
    pub(super) texts: Vec<Text>,
    pub(super) arrows: Vec<Arrow>,
    pub(super) spans: Vec<Span>,
    /// All of it, in words.
    pub(super) words: String,
}

/// A line of text, in parts of their own classes, with a space between two.
pub(super) struct Text {
    pub(super) parts: Parts,
    pub(super) class: &'static str,
    pub(super) x: f64,
    /// Of the baseline.
    pub(super) y: f64,
    pub(super) anchor: Anchor,
    /// By which it is turned around its anchor.
    pub(super) degrees: f64,
    /// Of the font, in units of the diagram.
    pub(super) size: f64,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A segment, from where it is sent to where it comes, or is lost.
pub(super) struct Arrow {
    pub(super) from: (f64, f64),
    pub(super) to: (f64, f64),
    pub(super) lost: bool,
    /// Where it would have come.
    pub(super) arrives: f64,
}

/// A stretch of a lifeline, in one state.
pub(super) struct Span {
    pub(super) x: f64,
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) class: &'static str,
}

impl Text {
    pub(super) fn plain(
        class: &'static str,
        size: f64,
        at: (f64, f64),
        anchor: Anchor,
        text: String,
    ) -> Text {
        Text {
            parts: vec![("", text)],
            class,
            x: at.0,
            y: at.1,
            anchor,
            degrees: 0.0,
            size,
        }
    }
}

impl Layout {
    pub(super) fn of(conversation: &Conversation, title: &str) -> Layout {
        let passages = passages(conversation);
        let mut layout = Layout {
            height: 0.0,
            texts: Vec::new(),
            arrows: Vec::new(),
            spans: Vec::new(),
            words: String::new(),
        };
        let top = layout.heads(conversation, title);
        let bottom = layout.rows(conversation, &passages, top) + 6.0;
        let bottom = layout.states(conversation, top, bottom);
        let note =
            "Time runs down, not to scale. Numbers are relative; states as the kernel showed them.";
        let at = (WIDTH / 2.0, bottom + 30.0);
        let note = Text::plain("note", 12.5, at, Anchor::Middle, note.to_owned());
        layout.texts.push(note);
        layout.height = bottom + 46.0;
        layout.words = words(conversation, &passages);
        layout
    }

    /// The title, and who the lifelines are. Returns where these begin.
    fn heads(&mut self, conversation: &Conversation, title: &str) -> f64 {
        let mut y = 14.0;
        let words = title.split_whitespace().map(|word| ("", word.to_owned()));
        for parts in wrap(words.collect(), 20.0, WIDTH - 48.0) {
            y += 26.0;
            let line = Text::plain(
                "title",
                20.0,
                (WIDTH / 2.0, y),
                Anchor::Middle,
                String::new(),
            );
            self.texts.push(Text { parts, ..line });
        }
        y += 36.0;
        let ends = [
            ("client", conversation.client),
            ("server", conversation.server),
        ];
        for ((role, address), x) in ends.into_iter().zip(LIFELINES) {
            let role = Text::plain("role", 16.0, (x, y), Anchor::Middle, role.to_owned());
            // An IPv6 address is too long for the middle: it begins, or ends, at the edge.
            let address = address.to_string();
            let width = address.chars().count() as f64 * GLYPH;
            let size = ((WIDTH / 2.0 - 24.0) / width).min(12.5);
            let (x, anchor) = match (width * size > 2.0 * LIFELINES[0] - 24.0, role.x < HALF) {
                (false, _) => (x, Anchor::Middle),
                (true, true) => (12.0, Anchor::Start),
                (true, false) => (WIDTH - 12.0, Anchor::End),
            };
            let at = (x, y + 18.0);
            self.texts.push(role);
            self.texts
                .push(Text::plain("address", size, at, anchor, address));
        }
        y + 34.0
    }

    /// Arrows and their labels. Returns where the last one ends.
    fn rows(&mut self, conversation: &Conversation, passages: &[Passage], top: f64) -> f64 {
        let windows = tells_windows(passages);
        let (mut y, mut i) = (top + 18.0, 0);
        while i < passages.len() {
            let crosses = passages[i].crosses_next && i + 1 < passages.len();
            let (count, fall) = if crosses { (2, LONG_FALL) } else { (1, FALL) };
            let room = if crosses { HALF } else { HALF * 2.0 } - 40.0;
            let label = |at: usize| {
                let parts = label(&conversation.segments[at], &passages[at], windows);
                wrap(parts, 14.0, room)
            };
            let labels: Vec<_> = (i..i + count).map(label).collect();
            let lines = labels.iter().map(Vec::len).max().unwrap_or(1);
            y += lines as f64 * LINE + ABOVE;
            for (passage, lines) in passages[i..].iter().zip(labels) {
                self.arrow(passage, y, fall);
                self.label(passage, lines, (y, fall), crosses);
            }
            y += fall + GAP - LINE / 2.0;
            i += count;
        }
        y
    }

    fn arrow(&mut self, passage: &Passage, y: f64, fall: f64) {
        let [left, right] = LIFELINES;
        let (from, to, aside) = match passage.from_client {
            true => (left, right, 5.0),
            false => (right, left, -5.0),
        };
        // Of two that cross, each is lost before they do.
        let way = match passage.lost {
            true if fall > FALL => 0.42,
            true => 0.86,
            false => 1.0,
        };
        let (start, end) = (from + aside, to - aside);
        self.arrows.push(Arrow {
            from: (start, y),
            to: (start + (end - start) * way, y + fall * way),
            lost: passage.lost,
            arrives: y + fall,
        });
    }

    /// The label lies along the arrow: in its middle, or, of two that cross, where it begins.
    fn label(
        &mut self,
        passage: &Passage,
        lines: Vec<Parts>,
        (y, fall): (f64, f64),
        crosses: bool,
    ) {
        let [left, right] = LIFELINES;
        let slope = fall / (right - left);
        let degrees = match passage.from_client {
            true => slope.atan().to_degrees(),
            false => -slope.atan().to_degrees(),
        };
        let (x, anchor) = match (crosses, passage.from_client) {
            (false, _) => ((left + right) / 2.0, Anchor::Middle),
            (true, true) => (left + 16.0, Anchor::Start),
            (true, false) => (right - 16.0, Anchor::End),
        };
        let fallen = match passage.from_client {
            true => (x - left) * slope,
            false => (right - x) * slope,
        };
        let count = lines.len();
        // The cross is higher than its line.
        let above = if passage.lost { ABOVE + 2.0 } else { ABOVE };
        for (n, parts) in lines.into_iter().enumerate() {
            let up = above + (count - 1 - n) as f64 * LINE;
            self.texts.push(Text {
                parts,
                class: "label",
                x,
                y: y + fallen - up,
                anchor,
                degrees,
                size: 14.0,
            });
        }
    }
}
