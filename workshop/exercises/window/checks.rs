//! Checks of exercise 11: a writer that never waits, with a queue and a limit on it.
//!
//! `owner` is the program that has the outbox, and `demands` what it demands; `bytes` and `end` are the
//! checks, `cause` is what can have gone wrong.

mod bytes;
mod cause;
mod demands;
mod end;
mod owner;

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
        "A non-blocking `write` takes what fits and says how much that is; WouldBlock says that nothing \
         fits now. What it has not taken is yours to keep, in order, until poll says POLLOUT. When is \
         `send` allowed to write, and when must it only queue?",
        "Look at the limit first: once a byte is written, `send` can no longer take nothing. With \
         an empty queue it and `writable` do the same: put all of it into the queue, then write \
         from the front until the queue is empty or `write` gives WouldBlock. `finish` notes that \
         the end is wanted; the call that finds the queue empty then sends the FIN.",
        "fn writable(&mut self) -> io::Result<()> { while !self.queue.is_empty() { match \
         self.stream.write(self.queue.as_slices().0) { Ok(n) => drop(self.queue.drain(..n)), \
         Err(error) if error.kind() == WouldBlock => return Ok(()), Err(error) => return Err(error) } } \
         if self.fin == Fin::Wanted { self.stream.shutdown(Shutdown::Write)?; self.fin = Fin::Sent; } \
         Ok(()) }",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 11 is held to.
pub const SUITE: Suite<Open> = Suite {
    exercise: EXERCISE.name,
    rules: &[Rule::core(
        "",
        &[
            check(
                "writes at once what the kernel takes",
                bytes::writes_at_once,
            ),
            check(
                "does not wait for a full window",
                bytes::does_not_wait_for_a_full_window,
            ),
            check(
                "goes on where the kernel has stopped",
                bytes::goes_on_where_the_kernel_has_stopped,
            ),
            check(
                "keeps what comes later behind what is queued",
                bytes::keeps_what_comes_later_behind,
            ),
            check(
                "takes all or nothing at its limit",
                bytes::takes_all_or_nothing,
            ),
            check(
                "refuses what it could never queue",
                bytes::refuses_what_it_could_never_queue,
            ),
            check(
                "leaves poll idle while nothing is queued",
                bytes::leaves_poll_idle,
            ),
            check(
                "sends the FIN behind the last byte",
                end::sends_the_fin_behind_the_last_byte,
            ),
            check(
                "takes a reset for an error",
                end::takes_a_reset_for_an_error,
            ),
        ],
    )],
    cause: cause::likely,
};

/// The student's function: an outbox for this stream, with this limit in bytes.
pub type Open = fn(TcpStream, usize) -> io::Result<Box<dyn Outbox>>;

/// The sending side of a connection whose owner must never wait for its peer.
///
/// The owner has other connections too, and waits for all of them in one poll(2). Here it waits for
/// [`Outbox::events`], and then calls [`Outbox::writable`].
pub trait Outbox: Send {
    /// Takes all of these bytes, to be sent in this order behind those taken before, or none.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`]: the limit does not allow it now; nothing has been taken.
    /// [`io::ErrorKind::InvalidInput`]: it never will. [`io::ErrorKind::BrokenPipe`]: after
    /// [`Outbox::finish`]. And what `write` gives for a connection that has ended.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// How many bytes have been taken and are not yet the kernel's.
    fn queued(&self) -> usize;

    /// What the owner's poll is to wait for: POLLOUT, or nothing.
    fn events(&self) -> PollFlags;

    /// Writes what is queued, as far as the kernel takes it. The owner calls it when poll says POLLOUT.
    ///
    /// # Errors
    /// What `write` gives for a connection that has ended. That the kernel takes nothing is no error.
    fn writable(&mut self) -> io::Result<()>;

    /// No more bytes will come: the FIN is to follow the last one.
    ///
    /// # Errors
    /// The connection has ended.
    fn finish(&mut self) -> io::Result<()>;
}
