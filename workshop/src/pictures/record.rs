//! What happened at each end of a connection, as text: a line for each segment that an end sent or
//! received, with the end's state after it, as the kernel showed it.
//!
//! ```text
//! client  sends  SYN      1203991034           0     0  SYN_SENT
//! ```
//! The columns: who; `sends` or `receives`; the flags; sequence number, acknowledgment
//! number and length; the state. A segment that was lost is sent and not received.

use std::{fmt::Write, net::SocketAddr, time::Duration};

use socket_workshop::table::State;
use wire::{
    router::Event,
    segment::{Flags, Segment},
};

use super::Run;

/// The flags, by the names that are written.
const FLAGS: [(&str, Flags); 5] = [
    ("SYN", Flags::SYN),
    ("FIN", Flags::FIN),
    ("RST", Flags::RST),
    ("PSH", Flags::PSH),
    ("ACK", Flags::ACK),
];

/// What happened, as text.
#[must_use]
pub fn write(run: &Run) -> String {
    let mut text = String::new();
    for Event {
        end,
        segment,
        state,
    } in &run.events
    {
        let who = if *end == run.conversation.client {
            "client"
        } else {
            "server"
        };
        let what = if segment.from == *end {
            "sends"
        } else {
            "receives"
        };
        let names = FLAGS.iter().filter(|(_, flag)| segment.flags.has(*flag));
        let flags: Vec<&str> = names.map(|(name, _)| *name).collect();
        let flags = flags.join(",");
        let Segment { seq, ack, len, .. } = segment;
        let _ = writeln!(
            text,
            "{who}  {what}  {flags:<7}  {seq:>10}  {ack:>10}  {len:>4}  {state}"
        );
    }
    text
}

/// What [`write()`] has written. The client is `client`, the server `server`; windows and options
/// are lost.
///
/// # Errors
/// The line that is none of its.
pub fn read(text: &str, client: SocketAddr, server: SocketAddr) -> Result<Vec<Event>, String> {
    let lines = text.lines().zip(0..).map(|(line, number)| {
        let at = Duration::from_millis(number);
        event(line, at, client, server).ok_or_else(|| line.to_owned())
    });
    lines.collect()
}

fn event(line: &str, at: Duration, client: SocketAddr, server: SocketAddr) -> Option<Event> {
    let mut words = line.split_whitespace();
    let (end, other) = match words.next()? {
        "client" => (client, server),
        "server" => (server, client),
        _ => return None,
    };
    let (from, to) = match words.next()? {
        "sends" => (end, other),
        "receives" => (other, end),
        _ => return None,
    };
    let mut flags = Flags::default();
    for name in words.next()?.split(',') {
        let (_, flag) = FLAGS.iter().find(|(known, _)| *known == name)?;
        flags.0 |= flag.0;
    }
    let segment = Segment {
        at,
        from,
        to,
        flags,
        seq: words.next()?.parse().ok()?,
        ack: words.next()?.parse().ok()?,
        len: words.next()?.parse().ok()?,
        window: 512,
        options: Vec::new(),
    };
    let state: State = words.next()?.parse().ok()?;
    words.next().is_none().then_some(Event {
        end,
        segment,
        state,
    })
}
