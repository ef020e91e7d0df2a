//! Checks of exercise 12: an accept queue with room for a burst, and workers that accept from it.
//!
//! `room` is about the queue that `listen` opens, `work` about which client a worker takes and
//! when. `crowd` dials, `server` is the answer at work, and `cause` says what it has done with a
//! client instead.

mod cause;
mod crowd;
mod room;
mod server;
mod work;

use std::{
    io,
    net::{SocketAddr, TcpListener, TcpStream},
};

use super::Exercise;
use crate::exam::{Rule, Suite, check};

/// Exercise 12.
pub const EXERCISE: Exercise = Exercise {
    number: 12,
    name: "backlog",
    task: "queue a burst of 1000 clients without a drop, and serve a few at a time",
    hints: [
        "The kernel already has a queue, in the order of arrival, and a client that waits in it \
         costs your process nothing: do not add another. What does listen(2) say about a backlog \
         that is longer than net.core.somaxconn? And which thread knows first that a worker is \
         free?",
        "`Listen::with_backlog` takes the backlog, and the kernel cuts it without an error: read \
         /proc/sys/net/core/somaxconn first, and return an error if the burst is longer. Several \
         threads may call accept on one listener: let each worker do so when it is free.",
        "thread::scope(|scope| { let work = || -> io::Result<()> { loop { let (stream, _) = \
         listener.accept()?; let _ = handle(stream); } }; let threads: Vec<_> = \
         (0..workers).map(|_| scope.spawn(work)).collect(); … }), and the first error that a \
         thread returns when it is joined.",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 12 is held to.
pub const SUITE: Suite<Functions> = Suite {
    exercise: EXERCISE.name,
    rules: &[
        Rule::core(
            "`listen` listens on exactly the given address, with room for `burst` clients in the \
             accept queue.",
            &[
                check(
                    "listens on the given address",
                    room::listens_on_the_given_address,
                ),
                check(
                    "has room for the whole burst before any accept",
                    room::has_room_for_the_whole_burst,
                ),
            ],
        ),
        Rule::core(
            "`serve` calls `handle` for as many clients at once as there are workers, and never \
             for more.",
            &[
                check(
                    "serves as many clients at once as it has workers",
                    work::serves_as_many_at_once,
                ),
                check(
                    "serves no more clients at once",
                    work::serves_no_more_at_once,
                ),
            ],
        ),
        Rule::core(
            "`serve` leaves clients in the accept queue while no worker is free. It neither \
             accepts nor closes them.",
            &[check(
                "leaves clients in the accept queue while no worker is free",
                work::leaves_clients_in_the_queue,
            )],
        ),
        Rule::core(
            "A free worker immediately takes the client that has waited longest, whatever the \
             other workers do.",
            &[
                check(
                    "serves the next client when a worker is free",
                    work::serves_the_next,
                ),
                check("does not pause between two clients", work::does_not_pause),
            ],
        ),
        Rule::core(
            "An error of `handle` ends that client only. The worker takes the next.",
            &[check(
                "serves the next client after an error of `handle`",
                work::goes_on_after_a_clients_error,
            )],
        ),
        Rule::core(
            "When `accept` fails, `serve` returns that error, after the clients being served are \
             done.",
            &[
                check(
                    "waits for the clients being served when accept fails",
                    work::waits_for_the_clients_being_served,
                ),
                check(
                    "returns the error of accept",
                    work::returns_the_error_of_accept,
                ),
            ],
        ),
        Rule::hardened(
            "`listen` does not make the queue longer than needed: at most one client more than \
             `burst` may wait.",
            &[check(
                "queues at most one client more than the burst",
                room::queues_at_most_one_more,
            )],
        ),
        Rule::hardened(
            "If `burst` is greater than net.core.somaxconn + 1, up to usize::MAX, `listen` returns \
             an error and leaves no descriptor open.",
            &[
                check(
                    "returns an error if the kernel would cut the backlog",
                    room::fails_where_the_kernel_would_cut,
                ),
                check(
                    "leaves no descriptor open after an error",
                    room::leaves_no_descriptor_after_an_error,
                ),
            ],
        ),
        Rule::hardened(
            "A client that resets while it waits in the queue ends no worker.",
            &[check(
                "survives a reset in the accept queue",
                work::survives_a_reset_in_the_queue,
            )],
        ),
        Rule::hardened(
            "While no client waits, `serve` waits in the kernel. It neither spins nor polls in a \
             loop of sleeps.",
            &[
                check("waits without spinning", work::waits_without_spinning),
                check(
                    "waits for clients in accept or poll",
                    work::waits_in_accept_or_poll,
                ),
            ],
        ),
        Rule::hardened(
            "Together, `listen` and `serve` serve a burst of 1000 clients with 8 workers, and no \
             SYN is dropped.",
            &[check(
                "serves a burst of 1000 without a drop",
                work::serves_a_burst,
            )],
        ),
    ],
    cause: |_| None,
};

/// The student's functions.
pub type Functions = (Listen, Serve);

/// Opens a listener with room for a burst.
pub type Listen = fn(SocketAddr, usize) -> io::Result<TcpListener>;

/// Serves clients with this many workers.
pub type Serve = fn(&TcpListener, usize, Handle<'_>) -> io::Result<()>;

/// What is done for one client, and ends when the client has been served.
pub type Handle<'a> = &'a (dyn Fn(TcpStream) -> io::Result<()> + Sync);

/// A burst, unless the kernel has less room.
const BURST: usize = 1000;
