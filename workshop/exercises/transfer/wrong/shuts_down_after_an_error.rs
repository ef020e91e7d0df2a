//! Shuts the connection down after an error within a message.
//!
//! rejected by: leaves the connection open
//! cause: shuts the connection down

use std::{
    io::{
        self,
        ErrorKind::{InvalidData, UnexpectedEof},
        Read,
    },
    net::TcpStream,
};

/// Reads one message of at most `limit` bytes; `None` at the end of file.
pub fn read_message(stream: &TcpStream, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let length = read_up_to(4, stream)?;
    if length.is_empty() {
        return Ok(None); // the peer's FIN stood where a message would have begun
    }
    let Ok(length) = length.try_into().map(u32::from_be_bytes) else {
        return Err(UnexpectedEof.into()); // one to three bytes: a FIN in the middle of the length
    };
    // The length is widened, and not the limit cut to 32 bits, in which 4 GiB would be 0.
    if length as usize > limit {
        return Err(InvalidData.into());
    }
    let message = read_up_to(length, stream).map_err(|error| {
        let _ = stream.shutdown(std::net::Shutdown::Both);
        io::Error::new(error.kind(), format!("reading a message: {error}"))
    })?;
    match message.len() == length as usize {
        true => Ok(Some(message)),
        false => Err(UnexpectedEof.into()),
    }
}

/// Reads this many bytes, or fewer if end of file comes first, and none that follow them.
///
/// `read_to_end` makes room as bytes arrive, never more than a few times as much as there are: a
/// length that promises more costs nothing. It goes on after EINTR, and returns any other error. At
/// 0 `take` does not ask the socket at all, so an empty message waits for nothing.
fn read_up_to(length: u32, stream: &TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(length.into()).read_to_end(&mut bytes)?;
    Ok(bytes)
}
