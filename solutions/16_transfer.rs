//! Exercise 16, done: one message after its length, which is not trusted.

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
        return Ok(None); // end of file before a message
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

/// Reads as many bytes as `length`, or fewer at end of file, and none after them.
///
/// `read_to_end` makes room as bytes arrive, never more than a few times as much as there are: a
/// length that promises more costs nothing. It goes on after EINTR, and returns any other error. At
/// 0 `take` does not ask the socket at all, so an empty message waits for nothing.
fn read_up_to(length: u32, stream: &TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(length.into()).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn main() -> ExitCode {
    workshop::checks::transfer::SUITE.examine(read_message)
}
