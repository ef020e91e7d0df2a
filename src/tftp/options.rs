//! What the two ends agree on: the client asks in its request, the server says in its OACK what it
//! agrees to, and whatever it leaves out stays as it was (RFC 2347).

use std::{error::Error, fmt, io, time::Duration};

use super::{BLOCK_SIZE, LARGEST_BLOCK, packet::Options};

/// What holds for a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// The bytes of every block but the last: `blksize` (RFC 2348).
    pub block_size: u16,
    /// How long each end waits before it sends again, in whole seconds: `timeout` (RFC 2349).
    pub timeout: Option<Duration>,
    /// The bytes of the whole file, which the end that has it announces: `tsize` (RFC 2349).
    pub size: Option<u64>,
}

/// Which end knows how many bytes will be sent: `tsize` is agreed to only if one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// The server, which has the file: this many bytes.
    Known(u64),
    /// The client, which has the file and says how many bytes it has.
    Announced,
    /// Neither: as netascii a text has another length.
    Unknown,
}

impl Default for Agreed {
    /// Without options.
    fn default() -> Agreed {
        Agreed {
            block_size: BLOCK_SIZE,
            timeout: None,
            size: None,
        }
    }
}

impl Agreed {
    /// The server's part: what it agrees to of what it is asked for, and the options of its OACK.
    /// If there are none, no OACK is sent.
    ///
    /// Names are taken in letters of either case, and given back as they came. What is unknown, out
    /// of range or asked for twice is left out. So is a timeout above `longest`: the server may not
    /// agree to another one than was asked for (RFC 2349), and a client that says nothing more
    /// keeps its place in the meantime.
    #[must_use]
    pub fn to(asked: &Options, size: Size, longest: Duration) -> (Agreed, Options) {
        let (mut agreed, mut answer) = (Agreed::default(), Options::new());
        for (index, (name, value)) in asked.iter().enumerate() {
            let is_same = |(other, _): &(String, String)| other.eq_ignore_ascii_case(name);
            if asked[..index].iter().any(is_same) {
                continue;
            }
            let value = match (name.to_ascii_lowercase().as_str(), value.parse::<u64>()) {
                ("blksize", Ok(bytes)) if is_block_size(bytes) => {
                    agreed.block_size = bytes as u16;
                    bytes
                }
                ("timeout", Ok(seconds @ 1..=255)) if Duration::from_secs(seconds) <= longest => {
                    agreed.timeout = Some(Duration::from_secs(seconds));
                    seconds
                }
                ("tsize", Ok(bytes)) => {
                    agreed.size = match size {
                        // Not of an empty file: 0 is the question, and curl takes it for no answer.
                        Size::Known(size) => Some(size).filter(|size| *size > 0),
                        Size::Announced => Some(bytes),
                        Size::Unknown => None,
                    };
                    match agreed.size {
                        Some(bytes) => bytes,
                        None => continue,
                    }
                }
                _ => continue,
            };
            answer.push((name.clone(), value.to_string()));
        }
        (agreed, answer)
    }

    /// What a client asks for. `None` as a size is a request to be told it.
    #[must_use]
    pub fn asked(&self) -> Options {
        let mut asked = vec![("tsize".to_owned(), self.size.unwrap_or(0).to_string())];
        asked.push(("blksize".to_owned(), self.block_size.to_string()));
        asked.extend(
            self.timeout
                .map(|timeout| ("timeout".to_owned(), timeout.as_secs().to_string())),
        );
        asked
    }

    /// The client's part: what holds when the server has answered what was
    /// asked for with this OACK.
    ///
    /// # Errors
    /// The server agrees to something that was not asked for. An ERROR 8 is the answer (RFC 2347).
    pub fn by(&self, answer: &Options) -> io::Result<Agreed> {
        let mut agreed = Agreed::default();
        for (name, value) in answer {
            match (name.to_ascii_lowercase().as_str(), value.parse::<u64>()) {
                // A server may want smaller blocks than were asked for, but not larger ones.
                ("blksize", Ok(bytes))
                    if is_block_size(bytes) && bytes <= self.block_size.into() =>
                {
                    agreed.block_size = bytes as u16;
                }
                ("timeout", Ok(seconds)) if self.timeout == Some(Duration::from_secs(seconds)) => {
                    agreed.timeout = self.timeout;
                }
                // The size of a file that the client has is not the server's to change.
                ("tsize", Ok(bytes)) if self.size.is_none_or(|size| size == bytes) => {
                    agreed.size = Some(bytes);
                }
                _ => {
                    let (name, value) = (name.clone(), value.clone());
                    return Err(io::Error::other(NotAsked { name, value }));
                }
            }
        }
        Ok(agreed)
    }
}

/// The server has agreed to something that was not asked for.
#[derive(Debug)]
pub(super) struct NotAsked {
    name: String,
    value: String,
}

impl fmt::Display for NotAsked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NotAsked { name, value } = self;
        write!(
            f,
            "the server agrees to {name:?} {value:?}, which the client did not ask for"
        )
    }
}

impl Error for NotAsked {}

fn is_block_size(bytes: u64) -> bool {
    (8..=u64::from(LARGEST_BLOCK)).contains(&bytes)
}
