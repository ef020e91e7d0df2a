//! The structure of diagrams, of conversations made by hand.

mod by_hand;

use by_hand::{ACK, PSH_ACK, SYN, SYN_ACK, a_whole_one, all, both_close, conversation};

use super::{
    layout::{Anchor, GLYPH, LIFELINES, Layout, Text, WIDTH},
    passage::passages,
    svg,
};
use crate::{conversation::Conversation, segment::Flags};

#[test]
fn is_well_formed_and_has_an_arrow_and_a_label_for_each_segment() {
    for conversation in all() {
        let text = svg(&conversation, "a <title> & \"more\" \u{1}");
        let document = roxmltree::Document::parse(&text).expect("it is XML");
        let root = document.root_element();
        assert_eq!(root.attribute("role"), Some("img"));
        assert_eq!(root.attribute("aria-label"), Some("a <title> & \"more\" ?"));
        let class = |name: &str| {
            let of_class = |node: &roxmltree::Node| node.attribute("class") == Some(name);
            root.descendants().filter(of_class).count()
        };
        let count = conversation.segments.len();
        assert_eq!(class("arrow") + class("arrow gone"), count);
        assert_eq!(class("arrow"), class("tip"));
        assert_eq!(class("arrow gone"), class("cross"));
        assert_eq!(class("flags") + class("flags lost"), count);
        for outside in ["href", "url(", "@import", "<script", "<image"] {
            assert!(!text.contains(outside), "{outside}");
        }
    }
}

/// What is written, as one string.
fn words(text: &Text) -> String {
    let words: Vec<&str> = text.parts.iter().map(|(_, words)| &**words).collect();
    words.join(" ")
}

fn width(text: &Text) -> f64 {
    words(text).chars().count() as f64 * text.size * GLYPH
}

/// The corners of a text's box.
fn corners(text: &Text) -> [(f64, f64); 4] {
    let width = width(text);
    let left = match text.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => -width / 2.0,
        Anchor::End => -width,
    };
    // Of a glyph 0.75 em stand above the baseline, and 0.2 em below.
    let (up, down) = (-0.75 * text.size, 0.2 * text.size);
    let (sin, cos) = text.degrees.to_radians().sin_cos();
    [
        (left, up),
        (left + width, up),
        (left + width, down),
        (left, down),
    ]
    .map(|(x, y)| (text.x + x * cos - y * sin, text.y + x * sin + y * cos))
}

/// Whether two convex shapes have a point in common: no side of either has all of the other beyond
/// it.
fn overlap(a: &[(f64, f64)], b: &[(f64, f64)]) -> bool {
    let apart = |a: &[(f64, f64)], b: &[(f64, f64)]| {
        (0..a.len()).any(|i| {
            let ((x, y), (to_x, to_y)) = (a[i], a[(i + 1) % a.len()]);
            let beyond = |p: &(f64, f64)| (to_x - x) * (p.1 - y) - (to_y - y) * (p.0 - x);
            let all = |sign: f64| b.iter().all(|p| beyond(p) * sign >= 0.0);
            let own = a.iter().map(beyond).sum::<f64>().signum();
            all(-own)
        })
    };
    !apart(a, b) && !apart(b, a)
}

#[test]
fn no_text_lies_over_another_or_over_an_arrow_or_beyond_the_edge() {
    for conversation in all() {
        let layout = Layout::of(&conversation, "a title");
        for (i, text) in layout.texts.iter().enumerate() {
            let own = corners(text);
            for (x, y) in own {
                let inside = (4.0..=WIDTH - 4.0).contains(&x) && (4.0..layout.height).contains(&y);
                assert!(inside, "{} leans out: {x} {y}", words(text));
            }
            for other in &layout.texts[i + 1..] {
                let over = overlap(&own, &corners(other));
                assert!(!over, "`{}` over `{}`", words(text), words(other));
            }
            for arrow in &layout.arrows {
                let line = [arrow.from, arrow.to, (arrow.to.0, arrow.to.1 + 0.1)];
                assert!(!overlap(&own, &line), "`{}` over an arrow", words(text));
                let (x, y) = arrow.to;
                let cross = [(-5.0, -5.0), (5.0, -5.0), (5.0, 5.0), (-5.0, 5.0)];
                let cross = cross.map(|(dx, dy)| (x + dx, y + dy));
                assert!(
                    !arrow.lost || !overlap(&own, &cross),
                    "`{}` over a cross",
                    words(text)
                );
            }
        }
    }
}

#[test]
fn a_label_has_room_between_the_lifelines() {
    let mut long = a_whole_one();
    long.segments[4].window = 0;
    for segment in &mut long.segments[5..] {
        segment.seq = segment.seq.wrapping_sub(99);
        segment.ack = segment.ack.wrapping_sub(99);
        segment.flags = Flags(!Flags::RST.0);
        segment.len = 65_000;
    }
    let layout = Layout::of(&long, "a title");
    for text in layout.texts.iter().filter(|text| text.class == "label") {
        let room = LIFELINES[1] - LIFELINES[0];
        assert!(width(text) < room - 20.0, "{}", words(text));
    }
}

#[test]
fn numbers_are_relative_to_the_syn_and_windows_scaled() {
    let all = passages(&a_whole_one());
    let last = all.last().expect("there are segments");
    assert_eq!((last.seq, last.ack), (13, Some(7)));
    assert_eq!((all[0].window, last.window), (Some(512), Some(512 << 7)));
}

#[test]
fn what_is_sent_again_unacknowledged_was_lost() {
    let all = passages(&a_whole_one());
    let lost: Vec<usize> = (0..all.len()).filter(|&i| all[i].lost).collect();
    let again: Vec<usize> = (0..all.len()).filter(|&i| all[i].again).collect();
    assert_eq!((lost, again), (vec![5], vec![6]));
}

#[test]
fn the_ack_of_what_is_sent_again_was_lost() {
    let all = passages(&conversation(&[
        ('>', PSH_ACK, 1, 1, 5, &[]),
        ('<', ACK, 1, 6, 0, &[]),
        ('>', PSH_ACK, 1, 1, 5, &[]),
        ('<', ACK, 1, 6, 0, &[]),
    ]));
    let lost: Vec<bool> = all.iter().map(|one| one.lost).collect();
    assert_eq!(lost, [false, true, false, false]);
}

#[test]
fn what_neither_had_heard_of_crosses_and_so_do_the_answers() {
    let crosses = |conversation: &Conversation| -> Vec<usize> {
        let all = passages(conversation);
        (0..all.len()).filter(|&i| all[i].crosses_next).collect()
    };
    assert_eq!(crosses(&both_close()), [3, 5]);
    assert!(crosses(&a_whole_one()).is_empty());
    let both_open = conversation(&[
        ('>', SYN, 0, 0, 0, &[]),
        ('<', SYN, 0, 0, 0, &[]),
        ('<', SYN_ACK, 0, 1, 0, &[]),
        ('>', SYN_ACK, 0, 1, 0, &[]),
    ]);
    assert_eq!(crosses(&both_open), [0, 2]);
}

#[test]
fn each_state_stands_beside_the_end_of_the_segment_that_led_to_it() {
    let layout = Layout::of(&a_whole_one(), "a title");
    let beside = |name: &str, x: f64| {
        let here = |text: &&Text| words(text) == name && (text.x - x).abs() < 20.0;
        layout.texts.iter().find(here).map(|text| text.y - 5.0)
    };
    let [client, server] = LIFELINES;
    assert_eq!(beside("SYN_SENT", client), Some(layout.arrows[0].from.1));
    assert_eq!(beside("SYN_RECV", server), Some(layout.arrows[1].from.1));
    assert_eq!(beside("ESTABLISHED", server), Some(layout.arrows[2].to.1));
    assert_eq!(beside("CLOSE_WAIT", server), Some(layout.arrows[8].to.1));
    assert_eq!(beside("TIME_WAIT", client), Some(layout.arrows[11].from.1));
    assert_eq!(beside("CLOSED", server), Some(layout.arrows[11].to.1));
    assert!(beside("LISTEN", server) < beside("SYN_RECV", server));

    // Of two that cross each comes when the other does.
    let layout = Layout::of(&both_close(), "a title");
    let all = |name: &str| -> Vec<f64> {
        let here = layout.texts.iter().filter(|text| words(text) == name);
        here.map(|text| text.y - 5.0).collect()
    };
    let (from, to) = (layout.arrows[5].from.1, layout.arrows[5].to.1);
    assert_eq!(
        (all("CLOSING"), all("TIME_WAIT")),
        (vec![from; 2], vec![to; 2])
    );
}

/// For the eye: `DRAW=DIR cargo test -p wire draws` puts the diagrams of these tests there.
#[test]
fn draws_for_the_eye() {
    let Some(folder) = std::env::var_os("DRAW") else {
        return;
    };
    for (i, conversation) in all().iter().enumerate() {
        let path = std::path::Path::new(&folder).join(format!("{i}.svg"));
        std::fs::write(
            path,
            svg(conversation, "A connection, from SYN to TIME_WAIT"),
        )
        .expect("a folder");
    }
}
