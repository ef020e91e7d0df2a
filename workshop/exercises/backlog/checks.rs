//! Checks of exercise 12: an accept queue with room for a burst, and workers who take from it.
//!
//! `room` is about the queue that `listen` opens, `work` about who leaves it and when. `crowd` dials,
//! `server` is the answer at work, and `cause` says what it has done with a client instead.

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
    task: "take a burst of 1 000 clients without a drop, and serve a few at a time",
    hints: [
        "The kernel has a queue already, in the order of arrival, and who waits in it costs your process \
         nothing: why have another? What does listen(2) say about a backlog that is longer than \
         net.core.somaxconn? And who knows best when a worker is free?",
        "`Listen::with_backlog` takes the backlog, and the kernel cuts it without a word: read \
         /proc/sys/net/core/somaxconn first, and return an error if the burst is longer. Several threads \
         may call accept on one listener: let each worker do so, whenever it has nothing to do.",
        "thread::scope(|scope| { let work = || -> io::Result<()> { loop { let (stream, _) = \
         listener.accept()?; let _ = handle(stream); } }; let threads: Vec<_> = (0..workers).map(|_| \
         scope.spawn(work)).collect(); … }), and the first error that a thread returns when it is joined.",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 12 is held to.
pub const SUITE: Suite<Answer> = Suite {
    exercise: EXERCISE.name,
    rules: &[Rule::core(
        "",
        &[
            check(
                "has room for the whole burst before anyone accepts",
                room::has_room_for_the_whole_burst,
            ),
            check(
                "lets no more wait than the burst, and one",
                room::lets_no_more_wait,
            ),
            check(
                "fails where the kernel would cut the backlog",
                room::fails_where_the_kernel_would_cut,
            ),
            check(
                "serves as many clients at once as it has workers",
                work::serves_as_many_at_once,
            ),
            check(
                "leaves who waits in the kernel's queue",
                work::leaves_who_waits_in_the_queue,
            ),
            check(
                "serves the next as soon as a worker is free",
                work::serves_the_next,
            ),
            check(
                "goes on after a client's error",
                work::goes_on_after_a_clients_error,
            ),
            check(
                "serves a burst of 1000 without a drop",
                work::serves_a_burst,
            ),
            check(
                "ends with accept's error, once its clients are served",
                work::ends_with_accepts_error,
            ),
        ],
    )],
    cause: |_| None,
};

/// The student's functions.
pub type Answer = (Listen, Serve);

/// Opens a listener with room for a burst.
pub type Listen = fn(SocketAddr, usize) -> io::Result<TcpListener>;

/// Serves clients with so many workers.
pub type Serve = fn(&TcpListener, usize, Handle<'_>) -> io::Result<()>;

/// What is done for one client, and ends when the client has been served.
pub type Handle<'a> = &'a (dyn Fn(TcpStream) -> io::Result<()> + Sync);

/// A burst, unless the kernel has no room for so many.
const BURST: usize = 1000;
