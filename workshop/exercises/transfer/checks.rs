//! Checks of exercise 16: one message after its length, which is not trusted.

mod bytes;
mod cause;
mod ends;
mod harness;
mod length;
mod stream;

use std::{io, net::TcpStream};

use super::Exercise;
use crate::exam::{Rule, Suite, check};

/// Exercise 16.
pub const EXERCISE: Exercise = Exercise {
    number: 16,
    name: "transfer",
    task: "read one message after its length, and do not trust the length",
    hints: [
        "A read returns what has arrived: a part of the length, or the length and half of the \
         message. Read until the 4 bytes are there, and not a byte more. Then read until the \
         message is complete. What does `read` return if the peer has closed, and how do 0 bytes \
         of the length differ from 3?",
        "`read_exact` returns UnexpectedEof for no bytes as for three, so for the length look at \
         what each `read` returns. Compare the length with the limit before you do anything else \
         with it. A vector of that many bytes is memory that the peer has asked for: let it grow \
         with what arrives.",
        "let mut header = Vec::new(); stream.take(4).read_to_end(&mut header)?; its length says \
         whether it is end of file (0), cut (1 to 3), or complete. The same for the message: \
         stream.take(length.into()).read_to_end(&mut message)?, and fewer bytes than `length` are \
         UnexpectedEof.",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 16 is held to.
pub const SUITE: Suite<ReadMessage> = Suite {
    exercise: EXERCISE.name,
    rules: &[
        Rule::core(
            "Return the message without its length, byte for byte. It may arrive in any \
             number of pieces, and have any size up to the limit.",
            &[
                check(
                    "joins a message that comes in pieces",
                    bytes::joins_the_pieces,
                ),
                check(
                    "returns the bytes as they are",
                    bytes::returns_the_bytes_as_they_are,
                ),
                check("reads messages of any size", bytes::reads_any_size),
            ],
        ),
        Rule::core(
            "Return an empty message for a length of 0, without waiting for more.",
            &[check(
                "returns an empty message for a length of zero",
                bytes::returns_an_empty_message,
            )],
        ),
        Rule::core(
            "Leave the bytes after the message in the socket. They belong to the next call.",
            &[check(
                "leaves the next message in the socket",
                bytes::leaves_the_next_message,
            )],
        ),
        Rule::core(
            "Return None at end of file before a message. Return UnexpectedEof at end of \
             file within a message or its length.",
            &[
                check(
                    "returns None at end of file",
                    ends::returns_none_at_end_of_file,
                ),
                check(
                    "returns UnexpectedEof within a message",
                    ends::refuses_a_cut_message,
                ),
            ],
        ),
        Rule::core(
            "Accept a message of `limit` bytes, and return InvalidData for a longer one. The \
             length's own 4 bytes do not count, and `limit` may be any number.",
            &[
                check(
                    "accepts a message of limit bytes",
                    length::accepts_limit_bytes,
                ),
                check(
                    "refuses a message of limit + 1 bytes",
                    length::refuses_one_more_than_limit,
                ),
                check(
                    "accepts every length within the limit",
                    length::accepts_every_length,
                ),
            ],
        ),
        Rule::core(
            "Wait in the kernel. A thread that waits for bytes uses no CPU.",
            &[check("waits in the kernel", ends::waits_in_the_kernel)],
        ),
        Rule::hardened(
            "Return InvalidData as soon as the length has come. Take nothing after it from \
             the socket, and allocate no memory for the message.",
            &[
                check(
                    "refuses a length before it reads on",
                    length::refuses_before_it_reads_on,
                ),
                check(
                    "allocates nothing for a message that it refuses",
                    length::allocates_nothing_to_refuse,
                ),
            ],
        ),
        Rule::hardened(
            "Allocate memory for the bytes that have arrived, not for those that the length \
             promises: a peer that promises 100 MiB and sends 3 bytes must not cost 100 MiB.",
            &[check(
                "allocates memory for what has arrived",
                length::allocates_what_has_arrived,
            )],
        ),
        Rule::hardened(
            "Continue after a signal (EINTR).",
            &[check(
                "continues after a signal",
                ends::continues_after_a_signal,
            )],
        ),
        Rule::hardened(
            "Return any other error of the kernel as it is: a reset is ConnectionReset, an \
             expired read timeout of the caller's is WouldBlock.",
            &[
                check(
                    "returns the error of a timeout",
                    ends::returns_the_error_of_a_timeout,
                ),
                check(
                    "returns the error of a reset",
                    ends::returns_the_error_of_a_reset,
                ),
            ],
        ),
        Rule::hardened(
            "Leave the stream open, blocking, and with the read timeout that the caller has \
             set, whatever you return. After a timeout before a message, the next call reads \
             that message.",
            &[
                check(
                    "leaves the stream open and blocking",
                    stream::leaves_the_stream_open,
                ),
                check(
                    "leaves the read timeout as it was",
                    stream::leaves_the_timeout,
                ),
                check("reads on after a timeout", stream::reads_on_after_a_timeout),
            ],
        ),
        Rule::hardened(
            "Leave no thread and no descriptor behind, whatever you return.",
            &[check(
                "leaves no thread and no descriptor behind",
                stream::leaves_nothing_behind,
            )],
        ),
    ],
    cause: |_| None,
};

/// The student's function.
pub type ReadMessage = fn(&TcpStream, usize) -> io::Result<Option<Vec<u8>>>;
