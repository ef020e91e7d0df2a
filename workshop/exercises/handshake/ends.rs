//! What one end has seen of a connection that is on record.

use std::net::SocketAddr;

use socket_workshop::table::State;
use wire::{
    router::Event,
    segment::{Flags, Segment},
};

use crate::pictures::record;

const CLIENT: ([u8; 4], u16) = ([127, 0, 0, 1], 40112);
const SERVER: ([u8; 4], u16) = ([127, 0, 0, 1], 8330);

/// What one end has sent and heard, with its states.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) local: SocketAddr,
    /// As in "for the client's end".
    pub(super) title: &'static str,
    /// Where its states come from.
    pub(super) source: &'static str,
    /// Whether only its numbers are not those of the recorded connection.
    pub(super) renumbered: bool,
    pub(super) events: Vec<Event>,
}

/// The client of a recorded connection.
pub(super) fn client(recorded: &str) -> End {
    End::of(recorded, CLIENT.into(), "the client's end")
}

/// Its server.
pub(super) fn server(recorded: &str) -> End {
    End::of(recorded, SERVER.into(), "the server's end")
}

impl End {
    fn of(recorded: &str, local: SocketAddr, title: &'static str) -> End {
        let events = record::read(recorded, CLIENT.into(), SERVER.into())
            .expect("the records are in the repository");
        End {
            local,
            title,
            source: "a kernel has shown it",
            renumbered: false,
            events: events
                .into_iter()
                .filter(|event| event.end == local)
                .collect(),
        }
    }

    pub(super) fn segments(&self) -> Vec<Segment> {
        self.events
            .iter()
            .map(|event| event.segment.clone())
            .collect()
    }

    pub(super) fn states(&self) -> Vec<State> {
        self.events.iter().map(|event| event.state).collect()
    }

    pub(super) fn sends(&self, event: &Event) -> bool {
        event.segment.from == self.local
    }

    /// The segments so far, as Wireshark lists them, and the states that are right.
    pub(super) fn lines(&self, last: usize) -> Vec<String> {
        let first = |from: bool| {
            let mut own = self.events.iter().filter(|event| self.sends(event) == from);
            own.next().map_or(0, |event| event.segment.seq)
        };
        let (own, peer) = (first(true), first(false));
        let line = |event: &Event| {
            let (what, mine, other) = match self.sends(event) {
                true => ("sends", own, peer),
                false => ("hears", peer, own),
            };
            let Segment {
                flags,
                seq,
                ack,
                len,
                ..
            } = event.segment;
            let mut text = format!("[{flags}] Seq={}", seq.wrapping_sub(mine));
            if flags.has(Flags::ACK) {
                text += &format!(" Ack={}", ack.wrapping_sub(other));
            }
            text += &format!(" Len={len}");
            format!("{what}  {text:<44}  {}", event.state)
        };
        self.events.iter().take(last + 1).map(line).collect()
    }

    /// The numbers behind what this end has sent, and behind what it has heard.
    pub(super) fn numbers(&self, last: usize) -> (u32, u32) {
        let behind = |sent: bool| {
            let seen = self.events[..=last].iter().rev();
            let ends = seen.filter(|event| self.sends(event) == sent).map(|event| {
                event
                    .segment
                    .seq
                    .wrapping_add(event.segment.sequence_length())
            });
            ends.reduce(|a, b| if a.wrapping_sub(b) < 1 << 31 { a } else { b })
                .unwrap_or(0)
        };
        (behind(true), behind(false))
    }
}
