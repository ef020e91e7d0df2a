//! Exercise 16: transfer
//!
//! Write `read_message`, the function with which a server reads one message: 4 bytes of length, the
//! highest byte first (big-endian), and then as many bytes as the length says. The peer chooses the
//! length, so your code must not trust it.
//!
//! Core rules (about 20 minutes):
//!   1. Return the bytes of the message as they are, without the length. The length does not count
//!      its own 4 bytes.
//!   2. Read until the message is complete, in however many pieces its bytes arrive.
//!   3. Leave the bytes that follow the message in the socket: the next call reads them.
//!   4. Return an empty message for a length of 0. Do not wait for more.
//!   5. Return None for end of file before the first byte of a length.
//!   6. Return UnexpectedEof for end of file within a length or within a message.
//!   7. Return InvalidData for a length above `limit`. A length equal to `limit` is allowed.
//!
//! Hardened rules (about 20 minutes more):
//!   8. Return InvalidData as soon as the length is complete. Read no byte after the length, and
//!      allocate no memory for the message.
//!   9. Compare without overflow: `limit` may be any usize, and the length any u32.
//!   10. Let memory grow with the bytes that arrive. A peer that announces 100 MiB and sends 3
//!      bytes must cost less than 16 MiB.
//!   11. Wait in the kernel while bytes are missing. Do not spin, and do not sleep between
//!      attempts.
//!   12. After a signal (EINTR) read on, and lose no byte.
//!   13. When the caller's read timeout runs out, return the error of that read, WouldBlock. If no
//!      byte had arrived, the next call reads the next message.
//!   14. When the connection is reset, return the error. Do not panic.
//!   15. Leave the connection open and the options of the socket unchanged, on every path.
//!   16. Leave no thread running and no descriptor open when you return.
//!
//! After an error within a message your code cannot know where the next message begins. The caller
//! closes such a connection.
//!
//! How to go on:
//!
//!     cargo workshop check transfer       checks it; so does  cargo test -p exercises --test transfer
//!     cargo workshop hint transfer        helps, a little more each time
//!     cargo run --example transfer        runs the lesson

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
