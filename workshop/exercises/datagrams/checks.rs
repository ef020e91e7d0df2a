//! Checks of exercise 17: a question over UDP, sent until its answer has come.

mod again;
mod call;
mod cause;
mod datagram;
mod over_a_link;
mod socket;

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
        "One send, and then a loop around `recv`: what comes with another number is dropped, and the loop \
         goes on. `to_be_bytes` makes the number's 4 bytes. `recv` returns how many bytes came: no others \
         of the buffer are the datagram's. How large must the buffer be?",
        "Keep two points in time, as `Instant`s: when all of it must be over, and when to send again. Look \
         at the clock in each round of the loop, and set what remains to the nearer of the two as the read \
         timeout of the next `recv`. Then nothing that comes can move either. What was the socket's \
         timeout before?",
        "loop { let now = Instant::now(); if now >= deadline { return Err(TimedOut.into()) } if now >= \
         again { socket.send(&question)?; again = now + wait; wait *= 2 } \
         socket.set_read_timeout(Some(again.min(deadline) - now))?; match socket.recv(&mut buf) { Ok(n) \
         if buf[..n].starts_with(&number) => return …, Ok(_) => {} Err(error) if \
         matches!(error.kind(), WouldBlock | TimedOut | Interrupted) => {} Err(error) => return \
         Err(error) } }, in a function of its own, so that the old timeout is put back however it returns.",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 17 is held to.
pub const SUITE: Suite<Ask> = Suite {
    exercise: EXERCISE.name,
    rules: &[Rule::core(
        "",
        &[
            check(
                "sends the number and the request, and returns the text of the answer",
                datagram::sends_and_returns,
            ),
            check(
                "takes an answer of any size",
                datagram::takes_an_answer_of_any_size,
            ),
            check(
                "takes no other datagram for the answer",
                datagram::takes_no_other_for_the_answer,
            ),
            check(
                "sends again after 50 ms, 100 ms, 200 ms",
                again::sends_again,
            ),
            check(
                "sends again at the same times although others come",
                again::sends_again_although_others_come,
            ),
            check(
                "gives up when the limit has passed, whatever comes",
                again::gives_up_at_the_limit,
            ),
            check(
                "says at once that nobody is there",
                socket::says_that_nobody_is_there,
            ),
            check(
                "says at once that a request is too large",
                socket::says_that_it_is_too_large,
            ),
            check(
                "leaves the socket as it was",
                socket::leaves_the_socket_as_it_was,
            ),
            check(
                "waits in the kernel, and goes on after a signal",
                socket::waits_and_goes_on_after_a_signal,
            ),
            check(
                "gets every answer over a link that loses, repeats and reorders",
                over_a_link::gets_every_answer,
            ),
        ],
    )],
    cause: |_| None,
};

/// The student's function.
pub type Ask = fn(&UdpSocket, &[u8], u32, Duration) -> io::Result<Vec<u8>>;
