//! What is told of a segment, in its label and to those to whom the diagram is read aloud.

use super::{layout::GLYPH, passage::Passage};
use crate::{conversation::Conversation, segment::Segment};

/// Parts of a text, each of its own class.
pub(super) type Parts = Vec<(&'static str, String)>;

/// Windows are told where one closes.
pub(super) fn tells_windows(passages: &[Passage]) -> bool {
    passages.iter().any(|passage| passage.window == Some(0))
}

/// What is told of a segment.
pub(super) fn label(segment: &Segment, passage: &Passage, windows: bool) -> Parts {
    let flags = if passage.lost { "flags lost" } else { "flags" };
    let mut parts = vec![(flags, segment.flags.to_string())];
    let mut tell = |name: &str, value: u32| parts.push(("", format!("{name}={value}")));
    tell("Seq", passage.seq);
    if let Some(ack) = passage.ack {
        tell("Ack", ack);
    }
    if let Some(window) = passage.window.filter(|_| windows) {
        tell("Win", window);
    }
    if segment.len > 0 {
        tell("Len", u32::try_from(segment.len).unwrap_or(u32::MAX));
    }
    if passage.again {
        parts.push(("muted", "again".to_owned()));
    }
    if passage.lost {
        parts.push(("lost", "lost".to_owned()));
    }
    parts
}

/// As many parts in a line as have room, at least one.
pub(super) fn wrap(parts: Parts, size: f64, room: f64) -> Vec<Parts> {
    let words = |parts: &[(&str, String)]| -> usize {
        let letters: usize = parts.iter().map(|(_, words)| words.chars().count()).sum();
        letters + parts.len().saturating_sub(1)
    };
    let mut lines: Vec<Parts> = vec![Vec::new()];
    for part in parts {
        let line = lines.last_mut().expect("there is a first line");
        line.push(part);
        if line.len() > 1 && words(line) as f64 * size * GLYPH > room {
            let part = line.pop().expect("it has just been pushed");
            lines.push(vec![part]);
        }
    }
    lines
}

/// The whole conversation, for those to whom it is read aloud.
pub(super) fn words(conversation: &Conversation, passages: &[Passage]) -> String {
    let windows = tells_windows(passages);
    let mut words = format!(
        "The client is {}, the server {}.",
        conversation.client, conversation.server
    );
    for (segment, passage) in conversation.segments.iter().zip(passages) {
        let who = if passage.from_client {
            "client"
        } else {
            "server"
        };
        let label = label(segment, passage, windows);
        let label: Vec<String> = label.into_iter().map(|(_, words)| words).collect();
        words += &format!(" The {who} sends {}.", label.join(" "));
    }
    words
}
