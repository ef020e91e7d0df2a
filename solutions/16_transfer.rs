//! Exercise 16, done: one framed message, whose length is not trusted.

use std::{
    io::{
        self,
        ErrorKind::{InvalidData, UnexpectedEof},
        Read,
    },
    net::TcpStream,
    process::ExitCode,
};

/// Reads one message of at most `limit` bytes; `None` at the end of file.
pub fn read_message(stream: &TcpStream, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let length = read_up_to(4, stream)?;
    if length.is_empty() {
        return Ok(None); // end of file between two messages
    }
    let Ok(length) = length.try_into().map(u32::from_be_bytes) else {
        return Err(UnexpectedEof.into()); // one to three bytes: end of file within the length
    };
    // The length is widened, and not the limit cut to 32 bits, in which 4 GiB would be 0.
    if length as usize > limit {
        return Err(InvalidData.into());
    }
    let message = read_up_to(length, stream)?;
    match message.len() == length as usize {
        true => Ok(Some(message)),
        false => Err(UnexpectedEof.into()),
    }
}

/// Reads this many bytes, or fewer if end of file comes first, and none that follow them.
///
/// `read_to_end` allocates as bytes arrive, at most a few times their number, so a length that
/// announces more costs nothing. It reads on after EINTR, and returns any other error. `take(0)`
/// does not read the socket at all, so an empty message waits for nothing.
fn read_up_to(length: u32, stream: &TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(length.into()).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn main() -> ExitCode {
    workshop::checks::transfer::SUITE.examine(read_message)
}
