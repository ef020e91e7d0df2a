//! Checks of exercise 14: a request in one segment, and no wait for an ACK.

mod call;
mod cause;
mod segments;
mod whole;

use std::{io, net::TcpStream};

use super::Exercise;
use crate::exam::{Rule, Suite, check};

/// Exercise 14.
pub const EXERCISE: Exercise = Exercise {
    number: 14,
    name: "latency",
    task: "a request writer that needs one segment",
    hints: [
        "Each write may become a segment of its own. With TCP_NODELAY nearly every one does; without it the \
         second of two small ones waits until the first is acknowledged, and the peer delays its ACK. \
         How many writes does `write!` make, and how many a BufWriter that has less room than the \
         request?",
        "Put the header and the value together in a `Vec<u8>`, and make one `write_all` of it: what is \
         one write is one segment, if it fits. That needs no option. Requests that do not wait for each \
         other do: of two such requests the second is the small segment that is held back. Which \
         option turns that off, and how often must it be set?",
        "prepare: stream.set_nodelay(true). put: let mut request = format!(\"PUT {key} {}\\n\", \
         value.len()).into_bytes(); request.extend(value); then (&*stream).write_all(&request).",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 14 is held to.
pub const SUITE: Suite<Writer> = Suite {
    exercise: EXERCISE.name,
    rules: &[Rule::core(
        "",
        &[
            check(
                "sends the request, and nothing else",
                whole::sends_the_request_and_nothing_else,
            ),
            check(
                "needs one segment where TCP_NODELAY is set",
                segments::needs_one_with_no_delay,
            ),
            check(
                "needs one segment where it is not",
                segments::needs_one_without,
            ),
            check(
                "needs one segment for thousands of bytes",
                segments::needs_one_for_thousands_of_bytes,
            ),
            check(
                "leaves nothing to be sent later",
                segments::leaves_nothing_to_be_sent_later,
            ),
            check(
                "waits for no ACK once prepared",
                segments::waits_for_no_ack_once_prepared,
            ),
            check(
                "leaves the socket's options as they were",
                whole::leaves_the_options,
            ),
            check(
                "goes on after a write that took a part",
                whole::goes_on_after_a_partial_write,
            ),
            check(
                "takes a reset for an error",
                whole::takes_a_reset_for_an_error,
            ),
        ],
    )],
    cause: cause::likely,
};

/// The student's functions.
pub type Writer = (Prepare, Put);

/// The first of them.
pub type Prepare = fn(&TcpStream) -> io::Result<()>;

/// The second.
pub type Put = fn(&TcpStream, &str, &[u8]) -> io::Result<()>;
