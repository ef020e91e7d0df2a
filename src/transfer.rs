//! The protocol of lesson `transfer`, by which a file is sent: its name, answered OK; its size,
//! answered OK; its content, answered OK. A connection carries one file.
//!
//! | | who | what | at most |
//! |---|---|---|---|
//! | name | sender | a message: UTF-8, the last part of a path | [`NAME`] bytes |
//! | size | sender | a message: 8 bytes, big-endian | the room on the receiver's disk |
//! | content | sender | as many bytes as the size said | |
//! | answer to each | receiver | a message: `OK`; or why not, the last one | [`ANSWER`] bytes |
//!
//! A message is framed: its length in 4 bytes, big-endian, then that many bytes. The content has no
//! frame of its own: the size is one. Memory is used for one piece of it at a time.
//!
//! No wait is without a limit: name and size have ten seconds in all, and each [piece](PIECE) of
//! the content has ten of its own, for a file may be of any size.

mod command;

use std::{
    borrow::Borrow,
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

pub use self::command::play;
use crate::{deadline::Timed, fault::Attempt, folder::Folder, serve::Connection};

/// The longest name, in bytes: what Linux allows (limits.h, `NAME_MAX`).
pub const NAME: usize = 255;

/// The longest answer, in bytes.
pub const ANSWER: usize = 4096;

/// How many bytes of a content are read, or written, by one deadline.
pub const PIECE: usize = 64 << 10;

/// The answer to what has arrived.
const OK: &[u8] = b"OK";

/// How long name and size may take in all, and then each piece of the content.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the last answer may take: the content is to be on the disk by then.
const TO_THE_DISK: Duration = Duration::from_secs(120);

/// How long a refusal may take.
const A_LAST_WORD: Duration = Duration::from_secs(1);

/// A stream whose deadline can be set again.
pub trait Renew: Read + Write {
    /// What is read and written from now on must be over within this time.
    fn renew(&mut self, limit: Duration);

    /// As [`Renew::renew`], while nothing has been agreed on: a server
    /// that stops need not wait for it.
    fn renew_idle(&mut self, limit: Duration) {
        self.renew(limit);
    }
}

impl<S: Borrow<TcpStream>> Renew for Timed<S> {
    fn renew(&mut self, limit: Duration) {
        Timed::renew(self, limit);
    }
}

impl Renew for &Connection<'_> {
    fn renew(&mut self, limit: Duration) {
        self.within_message(limit);
    }

    fn renew_idle(&mut self, limit: Duration) {
        self.between_messages(limit);
    }
}

/// Sends a file: the sender's part of the protocol.
///
/// # Errors
/// It was refused, and why; a deadline has passed; the connection has ended; the content could not
/// be read, or has become shorter than `size`.
pub fn send(mut stream: impl Renew, name: &str, content: impl Read, size: u64) -> io::Result<()> {
    stream.renew(PATIENCE);
    write_message(&mut stream, name.as_bytes())?;
    answered(&mut stream)?;
    write_message(&mut stream, &size.to_be_bytes())?;
    answered(&mut stream)?;
    let sent = send_content(&mut stream, content, size);
    stream.renew(TO_THE_DISK);
    let closed = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];
    match sent {
        // The receiver reads no more. It may have said why before it closed.
        Err(error) if closed.contains(&error.kind()) => {
            Err(answered(&mut stream).err().unwrap_or(error))
        }
        sent => sent.and_then(|()| answered(&mut stream)),
    }
}

/// Receives a file into a folder: the receiver's part. Returns its name and its size in bytes.
///
/// It is there when all of it is, and not before. One that is there already is kept, unless it is
/// to be replaced. Name and size may take as long as `patience` says in all, and then each piece of
/// the content. What goes wrong is told to the sender too, if it can still be told.
///
/// # Errors
/// Anything that the sender has not kept to; a deadline has passed; the connection has ended; the
/// folder or its disk cannot take the file.
pub fn receive(
    mut stream: impl Renew,
    folder: &Folder,
    replace: bool,
    patience: Duration,
) -> io::Result<(String, u64)> {
    let received = receive_file(&mut stream, folder, replace, patience);
    if let Err(error) = &received {
        stream.renew(A_LAST_WORD); // the deadline that has passed may be what went wrong
        let _ = write_message(&mut stream, error.to_string().as_bytes());
    }
    received
}

fn receive_file(
    stream: &mut impl Renew,
    folder: &Folder,
    replace: bool,
    patience: Duration,
) -> io::Result<(String, u64)> {
    stream.renew_idle(patience);
    let name = read_message(&mut *stream, NAME).attempt(|| "no name".to_owned())?;
    let name = String::from_utf8(name).map_err(|_| invalid("a name is UTF-8".to_owned()))?;
    let mut file = folder.receive(&name, replace)?;
    write_message(&mut *stream, OK)?;
    let size = read_message(&mut *stream, 8).attempt(|| "no size".to_owned())?;
    let size: Result<[u8; 8], _> = size.try_into();
    let size = size.map_err(|_| invalid("a size is a number of 8 bytes".to_owned()))?;
    let size = u64::from_be_bytes(size);
    folder.has_room_for(size)?;
    write_message(&mut *stream, OK)?;
    receive_content(stream, &mut file, size, patience)?;
    file.keep()?;
    stream.renew(patience);
    write_message(stream, OK).map(|()| (name, size))
}

/// Reads a message of at most `limit` bytes, and nothing of what comes after it.
///
/// # Errors
/// `InvalidData`: it is longer, and nothing was read or allocated for it. `UnexpectedEof`: the end
/// of file came before its end. What reading fails with.
pub fn read_message(mut stream: impl Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    fill(&mut stream, &mut length)?;
    let length = u32::from_be_bytes(length) as usize;
    if length > limit {
        let what = format!("a message of {length} bytes, where {limit} are the limit");
        return Err(invalid(what));
    }
    let mut message = vec![0; length]; // the limits of this protocol are small
    fill(stream, &mut message)?;
    Ok(message)
}

/// Writes a message, with its length in front.
///
/// # Errors
/// `InvalidInput`: its length has no room in 4 bytes. What writing fails with.
pub fn write_message(mut stream: impl Write, message: &[u8]) -> io::Result<()> {
    let length = u32::try_from(message.len()).map_err(|_| ErrorKind::InvalidInput)?;
    let mut frame = length.to_be_bytes().to_vec();
    frame.extend(message);
    stream.write_all(&frame) // in one write: lesson `latency` shows why
}

fn answered(stream: &mut impl Renew) -> io::Result<()> {
    let answer = read_message(stream, ANSWER).attempt(|| "no answer".to_owned())?;
    if answer == OK {
        return Ok(());
    }
    // A stranger's words, for a terminal: what would steer that is left out.
    let reason = String::from_utf8_lossy(&answer).replace(char::is_control, " ");
    Err(io::Error::other(format!("refused: {reason}")))
}

fn send_content(stream: &mut impl Renew, mut content: impl Read, size: u64) -> io::Result<()> {
    in_pieces(size, |piece| {
        let read = content.read_exact(piece);
        read.attempt(|| "cannot read the content".to_owned())?;
        stream.renew(PATIENCE);
        stream.write_all(piece)
    })
}

fn receive_content(
    stream: &mut impl Renew,
    mut file: impl Write,
    size: u64,
    patience: Duration,
) -> io::Result<()> {
    in_pieces(size, |piece| {
        stream.renew(patience);
        fill(&mut *stream, piece).attempt(|| "the content is cut".to_owned())?;
        file.write_all(piece)
    })
}

/// Exactly this many bytes, a piece at a time, in the same memory.
fn in_pieces(size: u64, mut pass_on: impl FnMut(&mut [u8]) -> io::Result<()>) -> io::Result<()> {
    let (mut left, mut buf) = (size, vec![0; PIECE]);
    while left > 0 {
        let piece = left.min(PIECE as u64);
        pass_on(&mut buf[..piece as usize])?;
        left -= piece;
    }
    Ok(())
}

/// `read_exact`, in the words of a protocol.
fn fill(mut stream: impl Read, buf: &mut [u8]) -> io::Result<()> {
    stream.read_exact(buf).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => {
            io::Error::new(ErrorKind::UnexpectedEof, "end of file before its end")
        }
        _ => error,
    })
}

fn invalid(what: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests;
