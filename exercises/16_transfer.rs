//! Exercise 16: transfer
//!
//! In a private protocol each message has its length before it: 4 bytes, the highest byte first
//! (big-endian, network byte order), then as many bytes as the length says. Write the call by which
//! a server reads one message. The peer chooses the length, so your code must not trust it.
//!
//! Core rules (about 25 minutes):
//!   1. Return the message without its length, byte for byte. It may arrive in any number of
//!      pieces, and have any size up to the limit.
//!   2. Return an empty message for a length of 0, without waiting for more.
//!   3. Leave the bytes after the message in the socket. They belong to the next call.
//!   4. Return None at end of file before a message. Return UnexpectedEof at end of file within a
//!      message or its length.
//!   5. Accept a message of `limit` bytes, and return InvalidData for a longer one. The length's
//!      own 4 bytes do not count, and `limit` may be any number.
//!   6. Wait in the kernel. A thread that waits for bytes uses no CPU.
//!
//! Hardened rules (about 25 minutes more):
//!   7. Return InvalidData as soon as the length has come. Take nothing after it from the socket,
//!      and allocate no memory for the message.
//!   8. Allocate memory for the bytes that have arrived, not for those that the length promises: a
//!      peer that promises 100 MiB and sends 3 bytes must not cost 100 MiB.
//!   9. Continue after a signal (EINTR).
//!   10. Return any other error of the kernel as it is: a reset is ConnectionReset, an expired read
//!       timeout of the caller's is WouldBlock.
//!   11. Leave the stream open, blocking, and with the read timeout that the caller has set,
//!       whatever you return. After a timeout before a message, the next call reads that message.
//!   12. Leave no thread and no descriptor behind, whatever you return.
//!
//! After an error within a message the caller closes the connection: the start of the next message
//! is unknown.
//!
//! How to go on:
//!
//!     cargo workshop check transfer  checks it; so does  cargo test -p exercises --test transfer
//!     cargo workshop hint transfer   helps, a little more each time
//!     cargo run --example transfer   runs the lesson

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
