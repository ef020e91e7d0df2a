//! The segments that pass on loopback, as they pass, sorted into conversations; and beside them the
//! states that the kernel's socket table shows.
//!
//! A packet socket sees each frame before the sockets for which it is: a segment that a socket then
//! loses ([`socket_workshop::peer::receives_only`]) has passed here. The kernel queues frames until
//! they are read, so no thread is needed to wait for them. Segments are as long as loopback's MTU
//! of 65536 bytes allows. Their checksums are not right: a card would fill them in, and there is
//! none.

mod arguments;
#[cfg(target_os = "linux")]
mod filter;
mod follow;
#[cfg_attr(not(target_os = "linux"), path = "capture/elsewhere.rs")]
mod socket;
mod tap;

use std::{
    cell::RefCell,
    fs::{self, File},
    io,
    net::SocketAddr,
    os::fd::{AsFd, BorrowedFd},
    rc::Rc,
    time::{Duration, Instant, SystemTime},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, poll},
};
use socket_workshop::{
    deadline::Deadline,
    fault::Attempt,
    stage::PassedSegment,
    table::{End, Kernel, Table},
};

use self::socket::PacketSocket;
pub use self::{
    arguments::{Arguments, Files, StoryArguments},
    tap::Tap,
};
use crate::{
    conversation::Conversation,
    diagram,
    frame::{LinkType, segment},
    pcap,
    segment::{Flags, Segment},
};

/// How long a segment may take that must come, if there was no pause before.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many segments of a conversation are remembered, for its diagram; a capture may run for days.
const REMEMBERED: usize = 200;

/// How many conversations get a diagram.
const DRAWN: usize = 10;

/// A capture on loopback.
#[derive(Debug)]
pub struct Capture {
    packets: PacketSocket,
    files: Files,
    pcap: Option<pcap::Writer<File>>,
    /// `None` where the table cannot be read: then no states are known.
    kernel: Option<Kernel>,
    /// When the first segment passed, since the Unix epoch.
    began: Option<Duration>,
    conversations: Vec<Conversation>,
    /// When the last wait was over.
    waited: Instant,
    /// The tables that were seen, each with when.
    tables: Rc<RefCell<Vec<(Duration, Table)>>>,
    /// The segments that a story has not been told of yet, once it has asked for them.
    untold: Rc<RefCell<Option<Vec<PassedSegment>>>>,
}

impl Capture {
    /// Begins a capture: no TCP segment on loopback is missed from now on, or none of this port.
    ///
    /// # Errors
    /// It takes CAP_NET_RAW, which a process has in a network of its own ([`crate::namespace`]). A
    /// file cannot be written.
    pub fn on_loopback(port: Option<u16>, files: &Files) -> io::Result<Capture> {
        let packets = PacketSocket::open(port).map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => io::Error::other(
                "cannot capture on loopback: it takes CAP_NET_RAW (run the program with sudo)",
            ),
            _ => error,
        })?;
        let pcap = files
            .pcap
            .as_deref()
            .map(pcap::Writer::create)
            .transpose()?;
        if let Some(svg) = &files.svg {
            // Drawn at the end: whether it can be is better known now.
            let created = fs::File::create(svg).map_err(io::Error::other);
            created.attempt(|| format!("cannot write the diagram `{}`", svg.display()))?;
        }
        Ok(Capture {
            packets,
            files: files.clone(),
            pcap,
            kernel: Kernel::open().ok(),
            began: None,
            conversations: Vec::new(),
            waited: Instant::now(),
            tables: Rc::default(),
            untold: Rc::default(),
        })
    }

    /// For a story: takes the tables that its stages have confirmed, as the states of the
    /// conversations.
    pub fn witness(&self) -> impl FnMut(&Table) + use<> {
        let tables = Rc::clone(&self.tables);
        move |table| {
            tables
                .borrow_mut()
                .extend(now().map(|now| (now, table.clone())))
        }
    }

    /// For a story: returns the segments that were taken since it was last asked.
    pub fn segments(&self) -> impl FnMut() -> Vec<PassedSegment> + use<> {
        self.untold.replace(Some(Vec::new()));
        let untold = Rc::clone(&self.untold);
        move || untold.replace(Some(Vec::new())).unwrap_or_default()
    }

    /// Waits until this end has sent a segment with these flags and no others. Returns what has
    /// passed since the last call, as Wireshark lists it: a line for each segment, without its
    /// options, so that it fits 80 columns.
    ///
    /// # Errors
    /// None such has passed for five seconds, and for twice as long as the pause since the last
    /// call: each time that the kernel sends a segment again, it waits twice as long as the time
    /// before.
    pub fn until(&mut self, from: SocketAddr, flags: Flags) -> io::Result<String> {
        let limit = PATIENCE + 2 * self.waited.elapsed();
        let deadline = Deadline::after(limit);
        let mut passed = String::new();
        loop {
            let Some((of, segment)) = self.next(deadline)? else {
                return Err(io::Error::other(format!(
                    "no [{flags}] from {from} has passed in {limit:.0?}, only\n{passed}"
                )));
            };
            let conversation = &self.conversations[of];
            let way = match segment.from == conversation.client {
                true => "client → server",
                false => "server → client",
            };
            let (at, numbers) = (segment.at.as_secs_f64(), conversation.numbers(&segment));
            passed += &format!("{at:>9.6}  {way}  {numbers}\n");
            if segment.from == from && segment.flags == flags {
                if let Some(kernel) = &mut self.kernel {
                    let servers = self.conversations.iter().map(|other| other.server.port());
                    let ports: Vec<u16> = servers.collect();
                    let seen = (now()?, kernel.table_of(&ports)?);
                    self.tables.borrow_mut().push(seen);
                }
                self.waited = Instant::now();
                return Ok(passed);
            }
        }
    }

    /// A segment that has passed, if there is one that has not been taken: when, since the Unix
    /// epoch, the segment, and what Wireshark would say of it in its column Info. Does not wait:
    /// the capture is readable (`AsFd`) when there is one.
    ///
    /// # Errors
    /// The file for the frames cannot be written.
    pub fn passed(&mut self) -> io::Result<Option<(Duration, Segment, String)>> {
        let Some((of, segment)) = self.take()? else {
            return Ok(None);
        };
        let time = self.began.unwrap_or_default() + segment.at;
        let info = self.conversations[of].info(&segment);
        Ok(Some((time, segment, info)))
    }

    /// How many frames were dropped for want of room, as far as is known.
    #[must_use]
    pub fn dropped(&self) -> u32 {
        self.packets.dropped()
    }

    /// The next segment, and which conversation's it is; `None` when the deadline has passed.
    fn next(&mut self, deadline: Deadline) -> io::Result<Option<(usize, Segment)>> {
        loop {
            if let Some(next) = self.take()? {
                return Ok(Some(next));
            }
            let Ok(left) = deadline.remaining() else {
                return Ok(None);
            };
            let left = u16::try_from(left.as_millis() + 1).unwrap_or(u16::MAX);
            let mut readable = [PollFd::new(self.packets.as_fd(), PollFlags::POLLIN)];
            match poll(&mut readable, left) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// A segment that has passed, if there is one that has not been taken.
    fn take(&mut self) -> io::Result<Option<(usize, Segment)>> {
        while let Some(frame) = self.packets.next()? {
            let began = *self.began.get_or_insert(frame.time);
            if let Some(pcap) = &mut self.pcap {
                pcap.frame(frame.time, frame.length, frame.bytes)?;
            }
            let at = frame.time.saturating_sub(began);
            // One whose headers lie, from somebody's raw socket, is in the file only.
            if let Ok(Some(segment)) = segment(LinkType::Ethernet, frame.bytes, at) {
                let of = self.sort(&segment);
                if let Some(untold) = &mut *self.untold.borrow_mut() {
                    let info = self.conversations[of].info(&segment);
                    untold.push(segment.passed(info));
                }
                return Ok(Some((of, segment)));
            }
        }
        Ok(None)
    }

    /// Finds the conversation, or begins one. Ports are used again: the newest with these is meant.
    fn sort(&mut self, segment: &Segment) -> usize {
        let of = self
            .conversations
            .iter()
            .rposition(|c| c.goes_on_with(segment));
        let of = of.unwrap_or_else(|| {
            self.conversations.push(Conversation::begun_by(segment));
            self.conversations.len() - 1
        });
        let segments = &mut self.conversations[of].segments;
        if segments.len() < REMEMBERED {
            segments.push(segment.clone());
        }
        of
    }

    /// What has passed so far between a client and its server, and the states in which the tables
    /// have shown them; given is the client's end.
    ///
    /// # Errors
    /// Nothing has passed between these two.
    pub fn conversation(&self, client: End) -> io::Result<Conversation> {
        let wanted = |c: &&Conversation| c.client == client.local && Some(c.server) == client.peer;
        let found = self.conversations.iter().rfind(wanted);
        let nothing = || io::Error::other(format!("no segment of {client} has passed"));
        found.map(|c| self.with_states(c)).ok_or_else(nothing)
    }

    fn with_states(&self, conversation: &Conversation) -> Conversation {
        let mut conversation = conversation.clone();
        for (time, table) in self.tables.borrow().iter() {
            let at = time.saturating_sub(self.began.unwrap_or_default());
            conversation.look(at, table);
        }
        conversation
    }

    /// Draws the conversations, if that has been asked for. Returns a line for each, with its file.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn draw(&self) -> io::Result<String> {
        let mut drawn = String::new();
        let Some(file) = &self.files.svg else {
            return Ok(drawn);
        };
        for (n, conversation) in (1..=DRAWN).zip(&self.conversations) {
            let file = match n {
                1 => file.clone(),
                _ => {
                    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
                    file.with_file_name(format!("{stem}-{n}.svg"))
                }
            };
            let drawing = diagram::svg(
                &self.with_states(conversation),
                &format!("Conversation {n}"),
            );
            let written = fs::write(&file, drawing).map_err(io::Error::other);
            written.attempt(|| format!("cannot write the diagram `{}`", file.display()))?;
            drawn += &format!("drawn: {}\n", file.display());
        }
        Ok(drawn)
    }
}

impl AsFd for Capture {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.packets.as_fd()
    }
}

/// The kernel's clock for frames, since the Unix epoch.
fn now() -> io::Result<Duration> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_err(io::Error::other)
}
