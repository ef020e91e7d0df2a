//! Checks of exercise 11: a writer that never waits, with a queue and a limit on it.
//!
//! `owner` is the program that has the outbox, and `demands` what it expects of it. `bytes`,
//! `limit`, `end` and `shared` are the checks, `cause` is what can have gone wrong.

mod bytes;
mod cause;
mod demands;
mod end;
mod limit;
mod owner;
mod shared;

use std::{io, net::TcpStream};

use nix::poll::PollFlags;

use super::Exercise;
use crate::exam::{Rule, Suite, check};

/// Exercise 11.
pub const EXERCISE: Exercise = Exercise {
    number: 11,
    name: "window",
    task: "a non-blocking writer with a queue of its own and a limit on it",
    hints: [
        "A non-blocking `write` takes what fits and returns how many bytes that was. WouldBlock \
         means that nothing fits now. Keep the rest, in order, until poll reports POLLOUT. When \
         may `send` write, and when must it only queue?",
        "Check the limit first: after the first byte is written, `send` can no longer refuse. With \
         an empty queue `send` and `writable` do the same: put all bytes into the queue, then \
         write from the front until the queue is empty or `write` returns WouldBlock. `finish` \
         notes that the FIN is to be sent; the call that finds the queue empty sends it.",
        "fn writable(&mut self) -> io::Result<()> { while !self.queue.is_empty() { match \
         self.stream.write(self.queue.as_slices().0) { Ok(n) => drop(self.queue.drain(..n)), \
         Err(error) if error.kind() == WouldBlock => return Ok(()), Err(error) => return \
         Err(error) } } if self.fin == Fin::Wanted { self.stream.shutdown(Shutdown::Write)?; \
         self.fin = Fin::Sent; } Ok(()) }",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 11 is held to.
pub const SUITE: Suite<Open> = Suite {
    exercise: EXERCISE.name,
    rules: &[
        Rule::core(
            "Never wait in any call. Do not block, sleep or retry until the peer reads.",
            &[
                check(
                    "returns immediately while the window is full",
                    bytes::returns_while_the_window_is_full,
                ),
                check(
                    "returns immediately when the window has just filled",
                    bytes::returns_when_the_window_has_just_filled,
                ),
            ],
        ),
        Rule::core(
            "In `send`, with nothing queued, write immediately what the kernel takes. Queue the \
             rest.",
            &[
                check(
                    "writes immediately what the kernel takes",
                    bytes::writes_immediately,
                ),
                check(
                    "queues what the kernel does not take",
                    bytes::queues_what_the_kernel_does_not_take,
                ),
            ],
        ),
        Rule::core(
            "In `send`, keep the order: put new bytes after those that are queued.",
            &[check(
                "puts new bytes after queued ones",
                bytes::puts_new_bytes_after_queued_ones,
            )],
        ),
        Rule::core(
            "In `queued`, return how many bytes were accepted and are not yet written.",
            &[check(
                "counts the queued bytes",
                bytes::counts_the_queued_bytes,
            )],
        ),
        Rule::core(
            "In `events`, return POLLOUT while bytes are queued, and an empty set otherwise.",
            &[
                check(
                    "asks for POLLOUT while bytes are queued",
                    bytes::asks_for_pollout,
                ),
                check(
                    "asks for nothing while nothing is queued",
                    bytes::asks_for_nothing,
                ),
            ],
        ),
        Rule::core(
            "In `writable`, write from the front of the queue until it is empty or the kernel \
             takes no more. With nothing queued, return Ok.",
            &[
                check(
                    "empties the queue in one call",
                    bytes::empties_the_queue_in_one_call,
                ),
                check(
                    "returns Ok from `writable` with nothing queued",
                    bytes::has_nothing_to_write,
                ),
            ],
        ),
        Rule::core(
            "In `finish`, half-close the connection after the last byte: immediately if nothing is \
             queued, otherwise in the `writable` that writes the last byte.",
            &[
                check(
                    "half-closes immediately with nothing queued",
                    end::half_closes_immediately,
                ),
                check(
                    "half-closes after the last queued byte",
                    end::half_closes_after_the_last_byte,
                ),
            ],
        ),
        Rule::hardened(
            "Queue at most `limit` bytes. If a `send` of at most `limit` bytes does not fit beside \
             those that are queued, refuse it with WouldBlock, even if the kernel has room.",
            &[check(
                "refuses what exceeds the limit",
                limit::refuses_what_exceeds_it,
            )],
        ),
        Rule::hardened(
            "Refuse a `send` of more than `limit` bytes with InvalidInput, even if the kernel has \
             room.",
            &[check(
                "refuses what could never be queued",
                limit::refuses_what_could_never_be_queued,
            )],
        ),
        Rule::hardened(
            "Accept all bytes of a `send` or none. A refused `send` writes nothing and queues \
             nothing.",
            &[check(
                "accepts nothing of a refused send",
                limit::accepts_nothing_of_a_refused_send,
            )],
        ),
        Rule::hardened(
            "Accept any `limit`, from 0 to `usize::MAX`.",
            &[check("accepts any limit", limit::accepts_any)],
        ),
        Rule::hardened(
            "After `finish`, refuse every `send` with BrokenPipe.",
            &[check(
                "refuses to send after `finish`",
                end::refuses_to_send_after_finish,
            )],
        ),
        Rule::hardened(
            "Shut down once. A later `writable` returns Ok, even if the peer has closed too.",
            &[check("shuts down once", end::shuts_down_once)],
        ),
        Rule::hardened(
            "After a reset, return the error that `write` returned. Do not panic.",
            &[check(
                "returns the error of a reset",
                end::returns_the_error_of_a_reset,
            )],
        ),
        Rule::hardened(
            "Leave the receiving half to the owner: read nothing, and shut down the sending half \
             only.",
            &[check(
                "leaves the receiving half to the owner",
                shared::leaves_the_receiving_half,
            )],
        ),
        Rule::hardened(
            "Change no option of the socket. Only O_NONBLOCK may be set.",
            &[check(
                "leaves the options of the socket",
                shared::leaves_the_options,
            )],
        ),
        Rule::hardened(
            "When the outbox is dropped, leave no descriptor and no thread.",
            &[check(
                "leaves no descriptor and no thread",
                shared::leaves_nothing_open,
            )],
        ),
    ],
    cause: cause::diagnose,
};

/// The student's function: an outbox for this stream, with this limit in bytes.
pub type Open = fn(TcpStream, usize) -> io::Result<Box<dyn Outbox>>;

/// The sending side of a connection whose owner must never wait for its peer.
///
/// The owner has other connections too, and waits for all of them in one poll(2). It polls for
/// [`Outbox::events`], and then calls [`Outbox::writable`].
pub trait Outbox: Send {
    /// Accepts all of these bytes, to be sent after those accepted before, or none.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`]: the limit does not allow it now.
    /// [`io::ErrorKind::InvalidInput`]: it never will. [`io::ErrorKind::BrokenPipe`]: after
    /// [`Outbox::finish`]. In all three cases nothing was accepted. Otherwise the error of `write`,
    /// for a connection that has ended.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// How many bytes were accepted and are not yet the kernel's.
    fn queued(&self) -> usize;

    /// The events for which the owner polls: POLLOUT, or none.
    fn events(&self) -> PollFlags;

    /// Writes what is queued, until the kernel takes no more. The owner calls it when poll reports
    /// POLLOUT.
    ///
    /// # Errors
    /// The error of `write`, for a connection that has ended. A full window is not an error.
    fn writable(&mut self) -> io::Result<()>;

    /// No more bytes will come: sends the FIN after the last one.
    ///
    /// # Errors
    /// The connection has ended.
    fn finish(&mut self) -> io::Result<()>;
}
