//! Reads on after a read that has filled its buffer.
//!
//! rejected by: reads messages of any size
//! cause: a read fills less than the buffer

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
    let message = read_up_to(length, stream)?;
    match message.len() == length as usize {
        true => Ok(Some(message)),
        false => Err(UnexpectedEof.into()),
    }
}

/// Reads so many bytes, or fewer if the end of file comes first, and none of those behind them.
///
/// `read_to_end` makes room as bytes arrive, never more than a few times as much as there are: a length
/// that promises more costs nothing. It goes on after EINTR, and returns any other error. At 0 `take`
/// does not ask the socket at all, so an empty message waits for nothing.
fn read_up_to(length: u32, stream: &TcpStream) -> io::Result<Vec<u8>> {
    let (mut bytes, mut buf) = (Vec::new(), [0; 1024]);
    let mut stream = stream;
    while length > 0 {
        let room = buf.len().min(length as usize - bytes.len());
        // hangs here
        let n = match stream.read(&mut buf[..room]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        bytes.extend(&buf[..n]);
        let is_complete = bytes.len() == length as usize;
        if n == 0 || (is_complete && n < buf.len()) {
            break;
        }
    }
    Ok(bytes)
}
