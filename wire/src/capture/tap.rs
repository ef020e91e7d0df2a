//! For a lesson: its segments, where the kernel lets it capture.

use std::{io, net::SocketAddr};

use socket_workshop::{namespace, stage::Story, table::End};

use super::{Capture, Files};
use crate::{conversation::Conversation, segment::Flags};

/// The segments, if the lesson may capture. If not, it shows only the kernel's table.
#[derive(Debug)]
pub struct Tap {
    capture: Option<Capture>,
    /// How another terminal enters the lesson's network; or why there is none.
    door: String,
}

impl Tap {
    /// Enters a network of the lesson's own, and begins a capture there. Call it before any thread
    /// is started and before the first socket.
    ///
    /// # Errors
    /// The kernel allows no network of its own, and the segments are to be kept in a file.
    pub fn enter(files: &Files) -> io::Result<Tap> {
        match namespace::enter() {
            Ok(door) => Ok(Tap {
                capture: Some(Capture::on_loopback(None, files)?),
                door,
            }),
            Err(refused) if files.pcap.is_some() || files.svg.is_some() => Err(refused),
            Err(refused) => Ok(Tap {
                capture: None,
                door: refused.to_string(),
            }),
        }
    }

    /// Says how to enter the network, or why no segments are shown. From now on the tables of the
    /// story are the states of the conversations, and the segments are part of its record.
    ///
    /// # Errors
    /// The output is closed.
    pub fn introduce(&self, story: &mut Story) -> io::Result<()> {
        let door = &self.door;
        match &self.capture {
            Some(capture) => {
                story.each_table(capture.witness());
                story.each_segment(capture.segments());
                story.tell(&format!(
                    "Enter the lesson's network namespace there first:  {door}"
                ))
            }
            None => story.tell(&format!(
                "The lesson cannot show its segments here: it {door}."
            )),
        }
    }

    /// Whether there is a network of the lesson's own, and segments are seen.
    #[must_use]
    pub fn captures(&self) -> bool {
        self.capture.is_some()
    }

    /// Waits for a segment from this end with these flags, and returns all that passed until then:
    /// a line for each segment, without its options; or nothing where the lesson may not capture.
    ///
    /// # Errors
    /// As for [`Capture::until`].
    pub fn until(&mut self, from: SocketAddr, flags: Flags) -> io::Result<String> {
        match &mut self.capture {
            Some(capture) => capture.until(from, flags),
            None => Ok(String::new()),
        }
    }

    /// What has passed so far between a client and its server; `None` where the lesson may not
    /// capture.
    ///
    /// # Errors
    /// As for [`Capture::conversation`].
    pub fn conversation(&self, client: End) -> io::Result<Option<Conversation>> {
        let capture = self.capture.as_ref();
        capture
            .map(|capture| capture.conversation(client))
            .transpose()
    }

    /// Draws the conversations, if that has been asked for, and says where.
    ///
    /// # Errors
    /// A file cannot be written, or the output is closed.
    pub fn draw(&self, story: &mut Story) -> io::Result<()> {
        match &self.capture {
            Some(capture) => story.tell(&capture.draw()?),
            None => Ok(()),
        }
    }
}
