//! Exercise 16: transfer. A message has a length in front of it, and the length is a stranger's word.
//!
//! Build the call by which a server reads one message of a private protocol: 4 bytes of length, the
//! highest byte first (big-endian, the order of the network), then so many bytes.
//!
//! The rules it is held to:
//! - it returns the message without its length, however the bytes come in pieces; a length of 0 is an
//!   empty message, and is returned without waiting for more;
//! - what stands behind the message stays in the socket: it is the next call's;
//! - an end of file where a message would begin is `None`; one anywhere in a message, in its length too,
//!   is `UnexpectedEof`;
//! - a length above `limit` is `InvalidData`, at once: nothing more is read, and no memory set aside. The
//!   limit itself is allowed, and may be any number;
//! - also within the limit, memory follows what has arrived and not what the length says: a peer that
//!   promises 100 MB and sends 3 bytes must not cost 100 MB;
//! - while nothing comes its thread waits and does not run. A signal is no reason to give up;
//! - any other error of the kernel's is returned as it is. How long to wait is the caller's to say: where
//!   a read timeout is set and runs out, that is the error, and the timeout stays as it was set. If
//!   nothing of a message had come, the next call reads it;
//! - the stream is only lent: whatever comes, it is neither closed nor shut down, and still blocks.
//!
//! After an error in the middle of a message there is no telling where the next one begins: such a
//! connection its caller will close.
//!
//! How to go on:
//!
//!     cargo workshop check transfer        examines it; so does  cargo test -p exercises --test transfer
//!     cargo workshop hint transfer         helps, a little more each time
//!     cargo run --example transfer         is the lesson

use std::{io, net::TcpStream, process::ExitCode};

/// Reads one message of at most `limit` bytes; `None` at the end of file.
pub fn read_message(stream: &TcpStream, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let _ = (stream, limit);
    todo!(
        "read the 4 bytes of the length; compare it with the limit; read as many bytes as it says"
    )
}

fn main() -> ExitCode {
    workshop::checks::transfer::SUITE.examine(read_message)
}
