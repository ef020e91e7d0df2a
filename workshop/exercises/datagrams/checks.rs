//! Checks of exercise 17: a question over UDP, sent until its answer arrives.

mod cause;
mod datagram;
mod harness;
mod lent;
mod limit;
mod over_a_link;
mod socket;
mod times;

use std::{io, net::UdpSocket, time::Duration};

pub use self::over_a_link::{FAULTS, SEED};
use super::Exercise;
use crate::exam::{Rule, Suite, check};

/// Exercise 17.
pub const EXERCISE: Exercise = Exercise {
    number: 17,
    name: "datagrams",
    task: "request and answer over a link that loses, repeats and reorders",
    hints: [
        "One send, and then a loop around `recv`: drop a datagram with another number, and go on. \
         `to_be_bytes` makes the number's 4 bytes. `recv` returns n, and only the first n bytes of \
         the buffer belong to the datagram. How large must the buffer be?",
        "Keep two points in time, as `Instant`s: the limit, and when to send again. In each round \
         of the loop look at the clock, and set the time to the nearer of the two as the read \
         timeout of the next `recv`. Then no datagram can move either of them. What was the \
         socket's timeout before?",
        "loop { let now = Instant::now(); if now >= deadline { return Err(TimedOut.into()) } if \
         now >= again { socket.send(&question)?; again = now + wait; wait *= 2 } \
         socket.set_read_timeout(Some(again.min(deadline) - now))?; match socket.recv(&mut buf) { \
         Ok(n) if buf[..n].starts_with(&number) => return …, Ok(_) => {} Err(error) if \
         matches!(error.kind(), WouldBlock | TimedOut | Interrupted) => {} Err(error) => return \
         Err(error) } }, in its own function, so that the old timeout is set again however it \
         returns.",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 17 is held to.
pub const SUITE: Suite<Ask> = Suite {
    exercise: EXERCISE.name,
    rules: &[
        Rule::core(
            "Send `number` and `request` in one datagram.",
            &[check(
                "sends the number and the request",
                datagram::sends_number_and_request,
            )],
        ),
        Rule::core(
            "Return the text of the first datagram with the same number, as soon as it arrives.",
            &[
                check("returns the text of the answer", datagram::returns_the_text),
                check(
                    "returns as soon as the answer arrives",
                    times::returns_as_soon_as_it_arrives,
                ),
            ],
        ),
        Rule::core(
            "Drop every other datagram, with another number or with fewer than 4 bytes, and wait \
             on.",
            &[check(
                "drops every other datagram",
                datagram::drops_every_other,
            )],
        ),
        Rule::core(
            "While no answer arrives, send the same datagram again: 50 ms after the first time, \
             100 ms after the second, 200 ms after the third, and so on. Each pause is twice the \
             one before.",
            &[
                check(
                    "sends again after 50 ms, 100 ms, 200 ms",
                    times::sends_again,
                ),
                check("doubles every pause", times::doubles_every_pause),
                check(
                    "gets every answer over a link with losses",
                    over_a_link::gets_every_answer,
                ),
            ],
        ),
        Rule::core(
            "When `limit` has passed since the call, return TimedOut. Do not return it earlier.",
            &[check(
                "returns TimedOut at the limit",
                limit::returns_timed_out,
            )],
        ),
        Rule::hardened(
            "Accept an answer of any size.",
            &[check(
                "accepts an answer of any size",
                datagram::accepts_any_size,
            )],
        ),
        Rule::hardened(
            "A dropped datagram must not change the times of rule 4.",
            &[check(
                "keeps the times while other datagrams arrive",
                times::keeps_them_while_others_come,
            )],
        ),
        Rule::hardened(
            "Return TimedOut at the limit even while other datagrams arrive, and in the middle of \
             a pause.",
            &[
                check(
                    "times out while other datagrams arrive",
                    limit::times_out_while_others_come,
                ),
                check(
                    "times out in the middle of a pause",
                    limit::times_out_in_a_pause,
                ),
            ],
        ),
        Rule::hardened(
            "Accept any `limit` up to `Duration::MAX`. With a limit of zero, return TimedOut \
             immediately.",
            &[
                check(
                    "times out immediately with a limit of zero",
                    limit::times_out_immediately,
                ),
                check("accepts the longest limit", limit::accepts_the_longest),
            ],
        ),
        Rule::hardened(
            "Return an error of the kernel immediately and unchanged, such as ECONNREFUSED or \
             EMSGSIZE.",
            &[
                check("returns ECONNREFUSED immediately", socket::is_refused),
                check("returns EMSGSIZE immediately", socket::is_too_large),
            ],
        ),
        Rule::hardened(
            "A signal is not an error. It must not change the times of rule 4.",
            &[check(
                "keeps the times after signals",
                times::keeps_them_after_signals,
            )],
        ),
        Rule::hardened(
            "While nothing arrives, wait in the kernel. Do not use CPU time.",
            &[check("waits in the kernel", socket::waits_in_the_kernel)],
        ),
        Rule::hardened(
            "Leave the socket as it was, after an error too: its options, its timeouts and its \
             addresses.",
            &[check(
                "leaves the socket as it was",
                lent::leaves_the_socket,
            )],
        ),
        Rule::hardened(
            "When the call returns, leave no thread and no descriptor, after an error too.",
            &[check(
                "leaves no thread and no descriptor",
                lent::leaves_nothing_open,
            )],
        ),
    ],
    cause: |_| None,
};

/// The student's function.
pub type Ask = fn(&UdpSocket, &[u8], u32, Duration) -> io::Result<Vec<u8>>;
