//! A router of our own on loopback: what two ends send waits here until it is handed on.
//!
//! Loopback hands a segment over before the call that sent it returns: neither SYN_SENT nor two
//! FINs that cross can be seen there. Here both sockets have a filter that lets in only what has
//! come through a router, which is what has lived for one hop less (RFC 791, Time to Live). A raw
//! socket shows what the ends send (raw(7)); the router keeps it, sends it again when it is told
//! to, a hop older, and asks the kernel's table for the states in between. Unless it takes longer
//! than a retransmission timer (0.2 s, for a SYN 1 s), the ends notice nothing but a slow network.
//!
//! It takes CAP_NET_RAW, which a process has in a network of its own ([`crate::namespace`]).

mod hop;

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, Read},
    net::{SocketAddr, SocketAddrV4},
    time::{Duration, Instant},
};

use socket_workshop::{
    deadline::Deadline,
    fault::Attempt,
    table::{End, Kernel, State},
};
use socket2::{Domain, Protocol, Socket, Type};

pub use hop::behind_router;
use hop::{SENT, TTL};

use crate::{
    conversation::{Change, Conversation},
    frame::{self, LinkType},
    segment::{Flags, Segment},
};

/// How long a segment or a state is waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// The way between two ends, and what has passed on it.
#[derive(Debug)]
pub struct Router {
    incoming: Socket,
    outgoing: Socket,
    kernel: Kernel,
    began: Instant,
    held: VecDeque<(Segment, Vec<u8>)>,
    conversation: Conversation,
    events: Vec<Event>,
    /// For how many of them the state is known.
    known: usize,
}

/// Something that happened at one end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// At which end.
    pub end: SocketAddr,
    /// What it sent, or what came.
    pub segment: Segment,
    /// Its state after that, as the kernel showed it. CLOSED, where there was no row.
    pub state: State,
}

impl Router {
    /// A router between these two. Their sockets must be [`behind_router`].
    ///
    /// # Errors
    /// It takes CAP_NET_RAW.
    pub fn between(client: SocketAddrV4, server: SocketAddrV4) -> io::Result<Router> {
        let raw = |protocol| {
            Socket::new(Domain::IPV4, Type::RAW, Some(protocol))
                .attempt(|| "cannot open a raw socket".to_owned())
        };
        let (incoming, outgoing) = (raw(Protocol::TCP)?, raw(Protocol::from(255))?); // IPPROTO_RAW
        incoming.set_nonblocking(true)?;
        Ok(Router {
            incoming,
            outgoing,
            kernel: Kernel::open()?,
            began: Instant::now(),
            held: VecDeque::new(),
            conversation: Conversation {
                client: client.into(),
                server: server.into(),
                segments: Vec::new(),
                states: Vec::new(),
            },
            events: Vec::new(),
            known: 0,
        })
    }

    /// Hands on to the client what has waited longest for it, when there is something.
    ///
    /// # Errors
    /// The server has sent nothing within three seconds.
    pub fn to_client(&mut self) -> io::Result<()> {
        self.hand_on(self.conversation.client)
    }

    /// Hands on to the server what has waited longest for it, when there is something.
    ///
    /// # Errors
    /// The client has sent nothing within three seconds.
    pub fn to_server(&mut self) -> io::Result<()> {
        self.hand_on(self.conversation.server)
    }

    /// Loses what has waited longest for the client, when there is something.
    ///
    /// # Errors
    /// The server has sent nothing within three seconds.
    pub fn lose_to_client(&mut self) -> io::Result<()> {
        self.take(self.conversation.client).map(drop)
    }

    /// Loses what has waited longest for the server, when there is something.
    ///
    /// # Errors
    /// The client has sent nothing within three seconds.
    pub fn lose_to_server(&mut self) -> io::Result<()> {
        self.take(self.conversation.server).map(drop)
    }

    /// Lets what is sent to the server next overtake what waits for it.
    ///
    /// # Errors
    /// The client has sent nothing within three seconds.
    pub fn let_overtake(&mut self) -> io::Result<()> {
        let first = self.take(self.conversation.server)?;
        let second = self.take(self.conversation.server)?;
        self.held.extend([second, first]);
        Ok(())
    }

    /// Waits until the kernel shows the ends in these states, the client's first; CLOSED is the
    /// absence of a row.
    ///
    /// # Errors
    /// It does not within three seconds.
    pub fn shows(&mut self, client: State, server: State) -> io::Result<()> {
        let wanted = [client, server];
        let there = Deadline::after(PATIENCE).wait_for(|| {
            self.listen()?;
            Ok((self.states()? == wanted).then_some(()))
        })?;
        let shown = self.states()?;
        if there.is_none() {
            return Err(io::Error::other(format!(
                "expected {client} and {server}, the kernel shows {} and {}",
                shown[0], shown[1]
            )));
        }
        self.listen()?; // what was sent by the change stands before it
        let at = self.began.elapsed();
        let ends = [self.conversation.client, self.conversation.server];
        let changes = &mut self.conversation.states;
        if changes.is_empty() {
            let listens = self.kernel.row(End::listener(ends[1]))?.is_some();
            let server = listens.then_some(State::Listen);
            for (end, state) in [(ends[0], None), (ends[1], server)] {
                let at = Duration::ZERO;
                changes.push(Change { at, end, state });
            }
        }
        for (end, state) in ends.into_iter().zip(wanted) {
            let last = changes.iter().rev().find(|change| change.end == end);
            let known = match last.and_then(|change| change.state) {
                None | Some(State::Listen) => State::Close,
                Some(state) => state,
            };
            if known != state {
                let state = (state != State::Close).then_some(state);
                changes.push(Change { at, end, state });
            }
        }
        // Whatever has happened since the last look.
        for event in &mut self.events[self.known..] {
            event.state = wanted[usize::from(event.end != ends[0])];
        }
        self.known = self.events.len();
        Ok(())
    }

    /// Whether the server has sent something that waits here.
    ///
    /// # Errors
    /// As for recv.
    pub fn waits_for_client(&mut self) -> io::Result<bool> {
        self.waits_for(self.conversation.client)
    }

    /// Whether the client has sent something that waits here.
    ///
    /// # Errors
    /// As for recv.
    pub fn waits_for_server(&mut self) -> io::Result<bool> {
        self.waits_for(self.conversation.server)
    }

    /// What has passed, and in which states the ends were.
    ///
    /// # Errors
    /// [`ErrorKind::Interrupted`]: more segments were sent again than these. The machine was too
    /// busy.
    pub fn end(mut self, again: usize) -> io::Result<(Conversation, Vec<Event>)> {
        self.listen()?;
        let segments = &self.conversation.segments;
        let repeated = segments.iter().enumerate().filter(|(i, new)| {
            let same =
                |old: &Segment| (old.from, old.seq, old.flags) == (new.from, new.seq, new.flags);
            new.sequence_length() > 0 && segments[..*i].iter().any(same)
        });
        match repeated.count() > again {
            true => Err(io::Error::new(
                ErrorKind::Interrupted,
                "a segment was sent again: the machine is too busy",
            )),
            false => Ok((self.conversation, self.events)),
        }
    }

    fn hand_on(&mut self, to: SocketAddr) -> io::Result<()> {
        let (segment, mut packet) = self.take(to)?;
        self.happened(to, segment);
        hop::one_hop_older(&mut packet)?;
        self.outgoing.send_to(&packet, &to.into()).map(drop)
    }

    fn waits_for(&mut self, to: SocketAddr) -> io::Result<bool> {
        self.listen()?;
        Ok(self.held.iter().any(|(segment, _)| segment.to == to))
    }

    /// What has waited longest for this end.
    fn take(&mut self, to: SocketAddr) -> io::Result<(Segment, Vec<u8>)> {
        let oldest = Deadline::after(PATIENCE).wait_for(|| {
            self.listen()?;
            let at = self.held.iter().position(|(segment, _)| segment.to == to);
            Ok(at.and_then(|at| self.held.remove(at)))
        })?;
        oldest.ok_or_else(|| io::Error::other(format!("nothing has been sent to {to}")))
    }

    /// Takes what the ends have sent.
    fn listen(&mut self) -> io::Result<()> {
        let mut packet = vec![0; 1 << 16];
        loop {
            let n = match self.incoming.read(&mut packet) {
                Ok(n) => n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            let (packet, at) = (&packet[..n], self.began.elapsed());
            let Ok(Some(segment)) = frame::segment(LinkType::Ip, packet, at) else {
                continue;
            };
            if packet[TTL] == SENT && self.is_between(&segment) {
                self.happened(segment.from, segment.clone());
                self.conversation.segments.push(segment.clone());
                self.held.push_back((segment, packet.to_vec()));
            }
        }
    }

    /// Whether an end of ours has sent it. A SYN for which there is no socket yet the kernel
    /// answers with a RST at once, for it does not know that the SYN is still under way.
    fn is_between(&self, segment: &Segment) -> bool {
        let (client, server) = (self.conversation.client, self.conversation.server);
        let (from, to) = (segment.from, segment.to);
        let ours = (from, to) == (client, server) || (from, to) == (server, client);
        let has_heard_or_sent = self.events.iter().any(|event| event.end == from);
        ours && (has_heard_or_sent || !segment.flags.has(Flags::RST))
    }

    fn happened(&mut self, end: SocketAddr, segment: Segment) {
        let state = State::Close; // until the next look
        self.events.push(Event {
            end,
            segment,
            state,
        });
    }

    fn states(&mut self) -> io::Result<[State; 2]> {
        let client = End::between(self.conversation.client, self.conversation.server);
        let mut state = |end| {
            let row = self.kernel.row(end)?;
            io::Result::Ok(row.map_or(State::Close, |row| row.state))
        };
        Ok([state(client)?, state(client.other())?])
    }
}
