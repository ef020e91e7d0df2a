//! Checks of exercise 16: one framed message, whose length is not trusted.

mod bytes;
mod cause;
mod ends;
mod harness;
mod length;
mod lent;
mod waits;

use std::{io, net::TcpStream};

use super::Exercise;
use crate::exam::{Rule, Suite, check};

/// Exercise 16.
pub const EXERCISE: Exercise = Exercise {
    number: 16,
    name: "transfer",
    task: "read one message whose length you do not trust",
    hints: [
        "A read returns what has arrived: a part of the length, or the length and half of the \
         message. First read until you have the 4 bytes of the length, and not one byte more. Then \
         read until the message is complete. What does `read` return if the peer has closed? What \
         is different between 0 bytes of a length and 3?",
        "`read_exact` returns UnexpectedEof for 0 bytes and for 3 bytes. So look at what each \
         `read` of the length returns. Compare the length with the limit before you do anything \
         else with it. `vec![0; length]` allocates what the peer asks for: let the vector grow \
         with the bytes that arrive.",
        "let mut header = Vec::new(); stream.take(4).read_to_end(&mut header)?; Its length shows \
         whether it is end of file (0), cut (1 to 3) or whole (4). The same for the message: \
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
            "Return the bytes of the message as they are, without the length. The length does not \
             count its own 4 bytes.",
            &[
                check(
                    "returns the message without its length",
                    bytes::without_its_length,
                ),
                check("treats no byte as special", bytes::no_byte_is_special),
            ],
        ),
        Rule::core(
            "Read until the message is complete, in however many pieces its bytes arrive.",
            &[
                check(
                    "reads a length that arrives in pieces",
                    bytes::length_in_pieces,
                ),
                check(
                    "reads a message that arrives in pieces",
                    bytes::message_in_pieces,
                ),
            ],
        ),
        Rule::core(
            "Leave the bytes that follow the message in the socket: the next call reads them.",
            &[check(
                "leaves the next message in the socket",
                bytes::leaves_the_next_message,
            )],
        ),
        Rule::core(
            "Return an empty message for a length of 0. Do not wait for more.",
            &[check(
                "returns an empty message for a length of 0",
                bytes::empty_message,
            )],
        ),
        Rule::core(
            "Return None for end of file before the first byte of a length.",
            &[check(
                "returns None for end of file between messages",
                ends::none_between_messages,
            )],
        ),
        Rule::core(
            "Return UnexpectedEof for end of file within a length or within a message.",
            &[check(
                "returns UnexpectedEof for a cut message",
                ends::unexpected_eof_for_a_cut,
            )],
        ),
        Rule::core(
            "Return InvalidData for a length above `limit`. A length equal to `limit` is \
             allowed.",
            &[
                check(
                    "returns a message of limit bytes",
                    length::message_of_limit_bytes,
                ),
                check("refuses a length above the limit", length::above_the_limit),
            ],
        ),
        Rule::hardened(
            "Return InvalidData as soon as the length is complete. Read no byte after the \
             length, and allocate no memory for the message.",
            &[
                check(
                    "refuses a length before it reads on",
                    length::before_it_reads_on,
                ),
                check(
                    "allocates nothing for a message that it refuses",
                    length::allocates_nothing,
                ),
            ],
        ),
        Rule::hardened(
            "Compare without overflow: `limit` may be any usize, and the length any u32.",
            &[
                check("accepts every limit", length::every_limit),
                check(
                    "reads every length within the limit",
                    length::every_length_within,
                ),
                check("refuses every length above the limit", length::every_length),
            ],
        ),
        Rule::hardened(
            "Let memory grow with the bytes that arrive. A peer that announces 100 MiB and \
             sends 3 bytes must cost less than 16 MiB.",
            &[check(
                "allocates memory for bytes that have arrived",
                length::memory_for_what_has_arrived,
            )],
        ),
        Rule::hardened(
            "Wait in the kernel while bytes are missing. Do not spin, and do not sleep between \
             attempts.",
            &[check(
                "waits in the kernel while bytes are missing",
                waits::waits_in_the_kernel,
            )],
        ),
        Rule::hardened(
            "After a signal (EINTR) read on, and lose no byte.",
            &[check(
                "reads on after a signal",
                waits::reads_on_after_a_signal,
            )],
        ),
        Rule::hardened(
            "When the caller's read timeout runs out, return the error of that read, \
             WouldBlock. If no byte had arrived, the next call reads the next message.",
            &[
                check(
                    "returns the error of the caller's read timeout",
                    waits::returns_the_timeout,
                ),
                check(
                    "reads on while each piece comes within the timeout",
                    waits::reads_on_within_the_timeout,
                ),
                check(
                    "reads the next message after a timeout",
                    waits::reads_after_a_timeout,
                ),
            ],
        ),
        Rule::hardened(
            "When the connection is reset, return the error. Do not panic.",
            &[check(
                "returns the error of a reset",
                ends::returns_the_error_of_a_reset,
            )],
        ),
        Rule::hardened(
            "Leave the connection open and the options of the socket unchanged, on every path.",
            &[
                check(
                    "leaves the connection open",
                    lent::leaves_the_connection_open,
                ),
                check("leaves the options of the socket", lent::leaves_the_options),
            ],
        ),
        Rule::hardened(
            "Leave no thread running and no descriptor open when you return.",
            &[
                check("leaves no thread running", lent::leaves_no_thread),
                check("leaves no descriptor open", lent::leaves_no_descriptor),
            ],
        ),
    ],
    cause: |_| None,
};

/// The student's function.
pub type ReadMessage = fn(&TcpStream, usize) -> io::Result<Option<Vec<u8>>>;
