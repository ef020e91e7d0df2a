//! The states of both ends beside their lifelines.

use std::net::SocketAddr;

use socket_workshop::table::State;

use super::layout::{Anchor, LIFELINES, LINE, Layout, Span, Text};
use crate::conversation::Conversation;

impl Layout {
    /// Each end's states, where it came into them. Returns where the lifelines end.
    pub(super) fn states(&mut self, conversation: &Conversation, top: f64, bottom: f64) -> f64 {
        let mut lowest = bottom;
        let ends = [conversation.client, conversation.server];
        for (end, x) in ends.into_iter().zip(LIFELINES) {
            let places = self.places(conversation, end, top);
            let first = places.first().filter(|(y, _)| *y < top + 9.0);
            let class = first.map_or("none", |(_, state)| color(*state));
            let (mut since, mut class, mut next) = (top, class, f64::MIN);
            for (y, state) in places {
                if y > since && class != color(state) || y > top + 9.0 {
                    self.span(x, since, y, class);
                }
                (since, class) = (y, color(state));
                let aside = if end == ends[0] { -14.0 } else { 14.0 };
                let anchor = if end == ends[0] {
                    Anchor::End
                } else {
                    Anchor::Start
                };
                // Two changes at one place stand below each other.
                next = (y + 5.0).max(next);
                let name = state.map_or("CLOSED", |state| match state {
                    State::Close => "CLOSED",
                    state => state.name(),
                });
                let mut text = Text::plain("", 13.0, (x + aside, next), anchor, name.to_owned());
                text.class = text_class(state);
                self.texts.push(text);
                lowest = lowest.max(next);
                next += LINE;
            }
            self.span(x, since, lowest, class);
        }
        // Both end where the longer one does.
        for span in &mut self.spans {
            if span.to >= bottom {
                span.to = lowest;
            }
        }
        lowest
    }

    fn span(&mut self, x: f64, from: f64, to: f64, class: &'static str) {
        let (from, to) = (from.min(to), to);
        self.spans.push(Span { x, from, to, class });
    }

    /// Where an end is seen in another state: at the end of the last segment that had passed then,
    /// on its own side.
    fn places(
        &self,
        conversation: &Conversation,
        end: SocketAddr,
        top: f64,
    ) -> Vec<(f64, Option<State>)> {
        let segments = &conversation.segments;
        let mut places: Vec<(f64, Option<State>)> = Vec::new();
        for change in conversation.states.iter().filter(|one| one.end == end) {
            let passed = segments
                .iter()
                .take_while(|one| one.at <= change.at)
                .count();
            // A listener listens, and an end is closed, before anything is sent.
            let before = matches!(change.state, Some(State::Listen | State::Close) | None);
            let lowest = places.last().map_or(f64::MIN, |(y, _)| *y);
            let y = match passed.checked_sub(1) {
                Some(at) if !(before && places.is_empty()) => {
                    let arrow = &self.arrows[at];
                    let sends = segments[at].from == end;
                    // What it sends changes its state once. What changes it again has come
                    // meanwhile: the one that crosses it comes when this one does.
                    match sends && lowest < arrow.from.1 {
                        true => arrow.from.1,
                        false => arrow.arrives,
                    }
                }
                _ => top + 8.0,
            };
            if places
                .last()
                .is_none_or(|(_, state)| *state != change.state)
            {
                places.push((y.max(lowest), change.state));
            }
        }
        places
    }
}

fn color(state: Option<State>) -> &'static str {
    match state {
        None | Some(State::Close | State::Listen) => "none",
        Some(State::SynSent | State::SynRecv) => "opening",
        Some(State::Established) => "open",
        Some(State::TimeWait) => "waiting",
        Some(_) => "closing",
    }
}

fn text_class(state: Option<State>) -> &'static str {
    match color(state) {
        "opening" => "state opening",
        "open" => "state open",
        "waiting" => "state waiting",
        "closing" => "state closing",
        _ => "state none",
    }
}
