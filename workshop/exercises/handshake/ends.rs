//! What one end has sent and received of a recorded connection.

use std::net::SocketAddr;

use socket_workshop::table::State;
use wire::{
    router::Event,
    segment::{Flags, Segment},
};

use crate::pictures::record;

/// The ends were recorded on loopback. Here both the address and the port are different, so that
/// only the checks of rule 2 depend on how they are compared.
const CLIENT: ([u8; 4], u16) = ([192, 0, 2, 1], 40112);
const SERVER: ([u8; 4], u16) = ([192, 0, 2, 2], 8330);

/// What one end has sent and received, with its states.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) local: SocketAddr,
    /// Which end it is, as in "for the client's end".
    pub(super) title: &'static str,
    /// Why its states are right.
    pub(super) source: &'static str,
    /// What is changed in it, where the states without that change are known to be right.
    pub(super) changed: Option<Changed>,
    pub(super) events: Vec<Event>,
}

/// A change that does not change the states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Changed {
    /// Its sequence numbers.
    Numbers,
    /// The addresses of both ends.
    Addresses,
    /// Flags other than SYN, ACK, FIN and RST.
    Flags,
    /// The segment at this place is there once more.
    Again(usize),
}

/// The client of a recorded connection.
pub(super) fn client(recorded: &str) -> End {
    End::of(recorded, CLIENT.into(), "the client's end")
}

/// The server of a recorded connection.
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
            source: "a kernel showed it",
            changed: None,
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

    /// The segments so far, as Wireshark lists them, and the right states.
    pub(super) fn lines(&self, last: usize) -> Vec<String> {
        let first = |from: bool| {
            let mut own = self.events.iter().filter(|event| self.sends(event) == from);
            own.next().map_or(0, |event| event.segment.seq)
        };
        let (own, peer) = (first(true), first(false));
        let line = |event: &Event| {
            let (what, mine, other) = match self.sends(event) {
                true => ("sends", own, peer),
                false => ("receives", peer, own),
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
            format!("{what:<8}  {text:<41}  {}", event.state)
        };
        self.events.iter().take(last + 1).map(line).collect()
    }

    /// The number after everything that this end has sent, and after what it has received.
    pub(super) fn numbers(&self, last: usize) -> (u32, u32) {
        let after = |sent: bool| {
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
        (after(true), after(false))
    }
}
