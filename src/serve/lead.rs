//! The thread that leads a crew: it starts threads while none waits in accept, makes room when no
//! place is free, and ends all waits at the stop.

use std::{
    io::{self, Read},
    net::Shutdown,
    os::fd::{AsFd, BorrowedFd},
    sync::{Arc, Weak},
    thread::{self, Scope},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use socket2::SockRef;

use super::{
    Totals,
    connection::{Connection, Shared},
    crew::{Crew, RESERVE, State, is_readable},
    errors::{Concerns, concerns},
};
use crate::{command::complain, fault::Attempt};

/// Stack of a thread, in bytes. Only pages that are touched cost memory.
const STACK: usize = 256 << 10;

/// How many threads are started before the accept queue is looked at again: to start one takes
/// longer than to dial, and the queue must not fill meanwhile.
const AT_ONCE: usize = 16;

/// How long it takes until another thread is tried after one could not be started.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// The part of the connections that makes room at once.
const YIELD: usize = 64;

/// A connection that has been idle for so long at the stop is closed. A client that makes one call
/// after another has the next on its way: it is answered, and then the connection ends.
const QUIET: Duration = Duration::from_millis(100);

/// How long connections may take to end after the stop has been requested.
pub(super) const GRACE: Duration = Duration::from_secs(2);

impl<H: Fn(&Connection) -> io::Result<()> + Sync> Crew<'_, H> {
    /// Serves until the stop, and returns what has been done. All threads have ended then.
    pub(super) fn serve(&self) -> io::Result<Totals> {
        let outcome = thread::scope(|scope| {
            let outcome = self.lead(scope);
            self.drain(scope);
            outcome
        });
        outcome.map(|()| self.state().totals)
    }

    fn lead<'s>(&'s self, scope: &'s Scope<'s, '_>) -> io::Result<()> {
        loop {
            self.answers_the_bell();
            let mut state = self.state();
            if let Some(error) = state.broken.take() {
                return Err(error);
            }
            if self.stop.requested() {
                return Ok(());
            }
            self.accept_those_that_queue(&mut state)?;
            let missing = self.missing(&state, RESERVE);
            if missing > 0 {
                drop(state);
                self.start(scope, missing)?;
                continue;
            }
            // If nobody is in accept, no place is free, or there is no thread for it.
            let is_full = state.waiting + state.starting == 0;
            let queues = is_full && is_readable(&self.listener);
            state.makes_room = queues;
            let limit = match is_full && state.lacks_threads() {
                _ if queues => Some(self.make_room(&state)),
                true => Some(TRY_AGAIN),
                false => None,
            };
            drop(state);
            let (stop, bell) = (self.stop.as_fd(), self.heard.as_fd());
            match is_full && !queues {
                true => wait(&[stop, bell, self.listener.as_fd()], limit)?,
                false => wait(&[stop, bell], limit)?,
            }
        }
    }

    fn answers_the_bell(&self) {
        while matches!((&self.heard).read(&mut [0; 64]), Ok(1..)) {}
        self.state().has_rung = false; // the caller now looks at the state
    }

    /// Takes connections out of the accept queue for threads that are still to be started.
    fn accept_those_that_queue(&self, state: &mut State) -> io::Result<()> {
        let can_serve = state.resting == 0 && !state.lacks_threads();
        while can_serve && state.live.len() < self.capacity.connections {
            match self.accept_now(state) {
                Some(Ok(accepted)) => state.handed.push_back(accepted),
                Some(Err(error)) if concerns(&error) == Concerns::Listener => return Err(error),
                _ => break,
            }
        }
        Ok(())
    }

    /// How many threads are to be started: for connections that have none, and this many more.
    fn missing(&self, state: &State, more: usize) -> usize {
        let available = state.waiting + state.starting;
        if state.lacks_threads() || state.resting > 0 || available > state.handed.len() {
            return 0;
        }
        let wanted = state.handed.len() + more - available;
        wanted.min(self.capacity.connections - state.threads)
    }

    /// Starts threads, a few at a time. That one cannot be started is no error, unless it is the
    /// first: connections wait for a thread that becomes free.
    fn start<'s>(&'s self, scope: &'s Scope<'s, '_>, missing: usize) -> io::Result<()> {
        for _ in 0..missing.min(AT_ONCE) {
            let mut state = self.state();
            (state.threads, state.starting) = (state.threads + 1, state.starting + 1);
            drop(state);
            let builder = thread::Builder::new().stack_size(STACK);
            let Err(error) = builder.spawn_scoped(scope, || self.work()) else {
                continue;
            };
            let mut state = self.state();
            (state.threads, state.starting) = (state.threads - 1, state.starting - 1);
            if state.threads == 0 {
                return Err(error).attempt(|| "cannot start a thread".to_owned());
            }
            if state.no_thread.replace(Instant::now()).is_none() {
                let threads = state.threads;
                complain(&format!(
                    "no further thread can be started ({error}): {threads} connections are served \
                     at a time, others wait in the accept queue"
                ));
            }
            break;
        }
        Ok(())
    }

    /// Ends the longest waits for clients, if they are long enough. Returns when to look again.
    fn make_room(&self, state: &State) -> Duration {
        let mut waits: Vec<(Instant, Arc<Shared>)> = state
            .connections()
            .filter_map(|shared| Some((shared.waits_since()?, shared)))
            .collect();
        waits.sort_by_key(|(since, _)| *since);
        let yields_after = self.capacity.yields_after;
        let at_once = state.live.len() / YIELD + 1;
        for (since, shared) in waits.iter().take(at_once) {
            match yields_after.saturating_sub(since.elapsed()) {
                Duration::ZERO => shared.end_wait(*since),
                left => return left,
            }
        }
        yields_after
    }

    /// After the stop: connections that are idle are told that nothing more will come, those that
    /// queue get their turn, calls under way are answered, and what is left after [`GRACE`] is
    /// reset.
    fn drain<'s>(&'s self, scope: &'s Scope<'s, '_>) {
        let mut state = self.state();
        state.stopping = true;
        self.ended.notify_all();
        drop(state);
        let begun = self.stop.since();
        let left = || begun.map_or(Duration::MAX, |begun| GRACE.saturating_sub(begun.elapsed()));
        while begun.is_some() && !left().is_zero() {
            self.answers_the_bell();
            let mut state = self.state();
            let is_broken = self.accept_those_that_queue(&mut state).is_err();
            let missing = self.missing(&state, 0);
            let queues = !state.handed.is_empty() || is_readable(&self.listener);
            let next = self.end_the_idle(&state);
            drop(state);
            if is_broken || !queues {
                break;
            }
            if missing == 0 || self.start(scope, missing).is_err() {
                let _ = wait(&[self.heard.as_fd()], Some(left().min(next)));
            }
        }
        // On Linux this wakes every thread in accept; elsewhere the stop does.
        let _ = SockRef::from(&self.listener).shutdown(Shutdown::Read);
        self.state().closed = true;
        loop {
            self.answers_the_bell();
            let mut state = self.state();
            if state.live.is_empty() {
                return;
            }
            if left().is_zero() {
                state.aborting = true; // for those that have no thread yet
                return state.connections().for_each(|shared| shared.abort());
            }
            let next = self.end_the_idle(&state);
            drop(state);
            let _ = wait(&[self.heard.as_fd()], Some(left().min(next)));
        }
    }

    /// Ends the waits of connections that are idle, and returns when to look again.
    fn end_the_idle(&self, state: &State) -> Duration {
        if !self.stop.requested() {
            return Duration::MAX; // the listener has failed: there is no hurry
        }
        let left = state
            .connections()
            .filter_map(|shared| shared.end_idleness(QUIET));
        left.min().unwrap_or(Duration::MAX)
    }
}

impl State {
    fn lacks_threads(&self) -> bool {
        let since = self.no_thread;
        since.is_some_and(|since| since.elapsed() < TRY_AGAIN)
    }

    fn connections(&self) -> impl Iterator<Item = Arc<Shared>> {
        self.live.values().filter_map(Weak::upgrade)
    }
}

/// Waits until one of the descriptors is readable or the time is over.
fn wait(fds: &[BorrowedFd<'_>], limit: Option<Duration>) -> io::Result<()> {
    let fds = fds.iter().map(|fd| PollFd::new(*fd, PollFlags::POLLIN));
    let mut fds: Vec<PollFd<'_>> = fds.collect();
    let limit = limit.map_or(PollTimeout::NONE, |limit| {
        // In milliseconds, rounded up.
        let limit = limit.saturating_add(Duration::from_micros(999));
        limit.try_into().unwrap_or(PollTimeout::MAX)
    });
    match poll(&mut fds, limit) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}
