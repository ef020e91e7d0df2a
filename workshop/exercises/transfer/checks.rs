//! Checks of exercise 16: one framed message, whose length is never trusted.

mod bytes;
mod call;
mod cause;
mod ends;
mod length;

use std::{io, net::TcpStream};

use super::Exercise;
use crate::exam::{Rule, Suite, check};

/// Exercise 16.
pub const EXERCISE: Exercise = Exercise {
    number: 16,
    name: "transfer",
    task: "one framed message, whose length is never trusted",
    hints: [
        "A read brings what has come: a part of the length, or the length and half of the message. Read \
         until the 4 bytes are there, and not a byte more, then until the message is. What does `read` \
         return if the peer has closed, and what is the difference between 0 bytes of the length and 3?",
        "`read_exact` returns UnexpectedEof for no bytes as for three: for the length, look at what each \
         `read` returns. Compare the length with the limit before anything else is done with it. A vector \
         of that many bytes is memory that the peer has asked for: let it grow by what has come.",
        "let mut header = Vec::new(); stream.take(4).read_to_end(&mut header)?; by its length it is the \
         end of file (0), cut (1 to 3), or whole. The same for the message: \
         stream.take(length.into()).read_to_end(&mut message)?, and fewer bytes than `length` are \
         UnexpectedEof.",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 16 is held to.
pub const SUITE: Suite<ReadMessage> = Suite {
    exercise: EXERCISE.name,
    rules: &[Rule::core(
        "",
        &[
            check(
                "leaves the next message in the socket",
                bytes::leaves_the_next_message_in_the_socket,
            ),
            check(
                "puts together what comes in pieces",
                bytes::puts_together_what_comes_in_pieces,
            ),
            check(
                "takes a length of zero for an empty message",
                bytes::takes_zero_for_an_empty_message,
            ),
            check(
                "tells the end of file from a message that is cut",
                ends::tells_the_end_from_a_cut,
            ),
            check(
                "takes a message of limit bytes, and none of one more",
                length::takes_limit_bytes_and_no_more,
            ),
            check(
                "refuses a length before it reads on",
                length::refuses_before_it_reads_on,
            ),
            check(
                "takes memory for what has arrived only",
                length::takes_memory_for_what_has_arrived,
            ),
            check("goes on after a signal", ends::goes_on_after_a_signal),
            check(
                "hands on a time-out, and reads on after it",
                ends::hands_on_a_time_out,
            ),
            check("hands on a reset", ends::hands_on_a_reset),
        ],
    )],
    cause: |_| None,
};

/// The student's function.
pub type ReadMessage = fn(&TcpStream, usize) -> io::Result<Option<Vec<u8>>>;
