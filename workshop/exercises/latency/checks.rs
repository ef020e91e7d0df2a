//! Checks of exercise 14: a request in one segment, and no wait for an ACK.

mod caller;
mod cause;
mod lent;
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
        "Each write may become a segment of its own. With TCP_NODELAY nearly every write does. \
         Without it, the second of two small writes waits until the first is acknowledged, and the \
         peer delays its ACK. How many writes does `write!` make? And a BufWriter that has less \
         room than the request?",
        "Put the header and the value together into a `Vec<u8>`, and make one `write_all` of it: \
         one write is one segment, if it fits. That needs no option. Requests that do not wait for \
         each other need one: the second of two such requests is a small segment that is held \
         back. Which option turns that off, and how often must it be set?",
        "prepare: stream.set_nodelay(true). put: let mut request = format!(\"PUT {key} {}\\n\", \
         value.len()).into_bytes(); request.extend(value); then (&*stream).write_all(&request).",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 14 is held to.
pub const SUITE: Suite<Writer> = Suite {
    exercise: EXERCISE.name,
    rules: &[
        Rule::core(
            "In `put`, send `PUT`, a space, the key, a space, the number of bytes in the value, a \
             newline, and then the value. Send nothing else.",
            &[check(
                "sends the request and nothing else",
                whole::sends_the_request,
            )],
        ),
        Rule::core(
            "Send the bytes of the value as they are. They need not be text, and there may be \
             none.",
            &[check(
                "sends any bytes as the value",
                whole::sends_any_bytes,
            )],
        ),
        Rule::core(
            "Send a request that fits into one segment in one segment, whether TCP_NODELAY is set \
             or not.",
            &[
                check(
                    "sends one segment with TCP_NODELAY",
                    segments::sends_one_with_no_delay,
                ),
                check(
                    "sends one segment without TCP_NODELAY",
                    segments::sends_one_without,
                ),
                check(
                    "sends one segment of thousands of bytes",
                    segments::sends_one_of_thousands_of_bytes,
                ),
            ],
        ),
        Rule::core(
            "After `prepare`, send each request immediately, even if earlier ones are not \
             acknowledged.",
            &[check(
                "sends each request immediately after `prepare`",
                segments::sends_each_immediately,
            )],
        ),
        Rule::core(
            "Return from `put` when the kernel has the whole request: not earlier, and without \
             waiting for an ACK or for the answer.",
            &[
                check(
                    "returns without waiting for an ACK or the answer",
                    segments::returns_without_waiting,
                ),
                check(
                    "returns only when the kernel has the whole request",
                    whole::returns_when_the_kernel_has_it,
                ),
            ],
        ),
        Rule::core(
            "Read nothing. The answers are for the caller.",
            &[check(
                "leaves the answers to the caller",
                whole::leaves_the_answers,
            )],
        ),
        Rule::hardened(
            "Hold nothing back. When `put` has returned, no byte may wait for more data to come.",
            &[check(
                "holds nothing back for more data",
                segments::holds_nothing_back,
            )],
        ),
        Rule::hardened(
            "If the kernel takes only part of a write, send the rest.",
            &[check(
                "sends the rest after a partial write",
                whole::sends_the_rest,
            )],
        ),
        Rule::hardened(
            "In `put`, leave every option of the socket as it was.",
            &[check(
                "leaves the options of the socket in `put`",
                lent::leaves_the_options,
            )],
        ),
        Rule::hardened(
            "In `prepare`, change only the option that rule 4 needs.",
            &[check(
                "changes one option in `prepare`",
                lent::prepares_with_one_option,
            )],
        ),
        Rule::hardened(
            "When the connection is reset, return the error of the write. Do not panic.",
            &[check(
                "returns the error of a reset",
                whole::returns_the_error_of_a_reset,
            )],
        ),
        Rule::hardened(
            "Leave no descriptor and no thread, after an error too.",
            &[check(
                "leaves no descriptor and no thread",
                lent::leaves_nothing_open,
            )],
        ),
    ],
    cause: cause::diagnose,
};

/// The student's functions.
pub type Writer = (Prepare, Put);

/// `prepare`.
pub type Prepare = fn(&TcpStream) -> io::Result<()>;

/// `put`.
pub type Put = fn(&TcpStream, &str, &[u8]) -> io::Result<()>;
