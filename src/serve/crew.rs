//! The threads of a server, which stay: each waits in accept, serves the connection that it gets,
//! and waits again (Stevens, UNIX Network Programming, volume 1: "TCP Prethreaded Server,
//! per-Thread accept").
//!
//! So a connection costs no new thread and no hand-over: the kernel wakes one of the threads that
//! wait. The thread that has called `serve` leads (`lead.rs`).

use std::{
    collections::{HashMap, VecDeque},
    io::{self, ErrorKind, Write},
    mem,
    net::{IpAddr, TcpListener, TcpStream},
    os::{fd::AsFd, unix::net::UnixStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::SockRef;

use super::{
    Capacity, Totals,
    connection::{Connection, Shared},
    errors::{Concerns, concerns},
};
use crate::{deadline::Deadline, stop::Stop};

/// How many threads wait for connections at first, and stay when none come.
pub(super) const RESERVE: usize = 4;

/// A thread beyond these that has waited for so long ends.
const IDLE: Duration = Duration::from_secs(10);

/// The first and the longest rest after the process has run out of something.
pub(super) const SHORTEST_REST: Duration = Duration::from_millis(5);
const LONGEST_REST: Duration = Duration::from_secs(1);

/// What the threads of a server share.
pub(super) struct Crew<'a, H> {
    pub(super) listener: TcpListener,
    pub(super) stop: &'a Stop,
    pub(super) capacity: Capacity,
    handle: H,
    state: Mutex<State>,
    /// For threads that rest: a connection has ended, or the stop has come.
    pub(super) ended: Condvar,
    /// Wakes the thread that leads: it waits with poll(2), as it waits for the stop too.
    bell: UnixStream,
    pub(super) heard: UnixStream,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) threads: usize,
    /// Threads that have been started and do not run yet.
    pub(super) starting: usize,
    /// Threads in accept. While there are none, the thread that leads can accept.
    pub(super) waiting: usize,
    /// Threads that rest, because the process has run out of something.
    pub(super) resting: usize,
    /// Connections for threads that are being started. None while a thread is in accept.
    pub(super) handed: VecDeque<Accepted>,
    pub(super) live: HashMap<usize, Weak<Shared>>,
    /// How many of them each address has.
    of_address: HashMap<IpAddr, usize>,
    pub(super) totals: Totals,
    /// No thread could be started, at that time.
    pub(super) no_thread: Option<Instant>,
    pub(super) has_rung: bool,
    /// Clients queue, and no place is free.
    pub(super) makes_room: bool,
    pub(super) stopping: bool,
    /// The listener has been shut down.
    pub(super) closed: bool,
    pub(super) aborting: bool,
    /// Why nothing can be accepted any more.
    pub(super) broken: Option<io::Error>,
}

/// A connection that counts among the living.
pub(super) struct Accepted {
    number: usize,
    address: Option<IpAddr>,
    shared: Arc<Shared>,
}

impl<'a, H: Fn(&Connection) -> io::Result<()> + Sync> Crew<'a, H> {
    pub(super) fn new(
        listener: TcpListener,
        stop: &'a Stop,
        capacity: Capacity,
        handle: H,
    ) -> io::Result<Crew<'a, H>> {
        let (bell, heard) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        heard.set_nonblocking(true)?;
        if cfg!(target_os = "linux") {
            SockRef::from(&listener).set_read_timeout(Some(IDLE))?; // accept waits no longer
        } else {
            listener.set_nonblocking(true)?;
        }
        Ok(Crew {
            listener,
            stop,
            capacity,
            handle,
            state: Mutex::default(),
            ended: Condvar::new(),
            bell,
            heard,
        })
    }

    /// What a thread does: it serves one connection after another.
    pub(super) fn work(&self) {
        self.state().starting -= 1;
        let _member = Member(self);
        while let Some(accepted) = self.next() {
            let mut place = Place {
                crew: self,
                number: accepted.number,
                address: accepted.address,
                has_failed: true, // unless the handler returns
            };
            // Closed before its place is free, even if the handler panics: last in, first out.
            let shared = accepted.shared;
            let connection = Connection::new(&shared, self.stop);
            let outcome = (self.handle)(&connection).and(connection.finish());
            place.has_failed = outcome.is_err();
        }
    }

    /// The next connection. `None` if this thread is not needed any more.
    fn next(&self) -> Option<Accepted> {
        let mut rest = SHORTEST_REST;
        let mut state = self.state();
        loop {
            if let Some(accepted) = state.handed.pop_front() {
                self.ring_if_none_waits(&mut state);
                return Some(accepted);
            }
            if state.closed {
                return None;
            }
            state.waiting += 1;
            drop(state);
            let outcome = self.accept();
            state = self.state();
            state.waiting -= 1;
            self.ring_if_none_waits(&mut state);
            match outcome {
                Ok((stream, address)) => {
                    rest = SHORTEST_REST;
                    if let Some(accepted) = self.enter(&mut state, stream, address) {
                        return Some(accepted);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if state.waiting >= RESERVE {
                        return None; // there are enough others
                    }
                }
                Err(_) if state.closed => return None,
                Err(error) => match concerns(&error) {
                    Concerns::Connection => {}
                    Concerns::Process => {
                        state.resting += 1;
                        let waited = self.ended.wait_timeout(state, rest);
                        state = waited.unwrap_or_else(PoisonError::into_inner).0;
                        state.resting -= 1;
                        rest = (rest * 2).min(LONGEST_REST);
                    }
                    Concerns::Listener => {
                        state.broken = Some(error);
                        return None;
                    }
                },
            }
        }
    }

    /// Accepts a connection, or waits for one: until the listener is shut down, but no longer than
    /// [`IDLE`].
    fn accept(&self) -> io::Result<(TcpStream, IpAddr)> {
        loop {
            match self.listener.accept() {
                Ok((stream, peer)) => {
                    if !cfg!(target_os = "linux") {
                        stream.set_nonblocking(false)?; // elsewhere it inherits the listener's mode
                    }
                    return Ok((stream, peer.ip()));
                }
                // Elsewhere shutdown does not wake accept: wait for the stop as well.
                Err(error)
                    if error.kind() == ErrorKind::WouldBlock && !cfg!(target_os = "linux") =>
                {
                    if !self
                        .stop
                        .readable(&self.listener, Some(Deadline::after(IDLE)))?
                    {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Accepts what waits, without waiting itself. For the thread that leads, while no other is in
    /// accept: so nobody can take the connection between the look and the accept.
    pub(super) fn accept_now(&self, state: &mut State) -> Option<io::Result<Accepted>> {
        loop {
            if state.waiting > 0 || !is_readable(&self.listener) {
                return None;
            }
            match self.accept() {
                Ok((stream, address)) => {
                    if let Some(accepted) = self.enter(state, stream, address) {
                        return Some(Ok(accepted));
                    }
                }
                Err(error) if concerns(&error) == Concerns::Connection => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Counts a connection among the living. `None` if its address has enough of them: it is
    /// closed.
    fn enter(&self, state: &mut State, stream: TcpStream, address: IpAddr) -> Option<Accepted> {
        let address = network_of(address);
        if let Some(address) = address {
            let count = state.of_address.entry(address).or_default();
            if *count >= self.capacity.of_an_address {
                state.totals.refused += 1;
                return None;
            }
            *count += 1;
        }
        let number = state.totals.connections;
        state.totals.connections += 1;
        let shared = Arc::new(Shared::new(stream));
        if state.aborting {
            shared.abort();
        }
        state.live.insert(number, Arc::downgrade(&shared));
        Some(Accepted {
            number,
            address,
            shared,
        })
    }
}

/// What counts as one address: of IPv6 the network, of which a host may use any address. `None` is
/// loopback, where all clients share one.
fn network_of(address: IpAddr) -> Option<IpAddr> {
    let address = address.to_canonical();
    match address {
        _ if address.is_loopback() => None,
        IpAddr::V4(_) => Some(address),
        IpAddr::V6(address) => Some(IpAddr::V6((address.to_bits() >> 64 << 64).into())),
    }
}

/// Whether something can be read, or accepted, without waiting.
pub(super) fn is_readable(fd: &impl AsFd) -> bool {
    let mut fds = [PollFd::new(fd.as_fd(), PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
}

impl<H> Crew<'_, H> {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the thread that leads, if it may have to start a thread, to make room, or to stop.
    fn ring_if_none_waits(&self, state: &mut State) {
        if state.waiting + state.starting == 0 || state.stopping {
            self.ring(state);
        }
    }

    /// Wakes the thread that leads.
    fn ring(&self, state: &mut State) {
        if !mem::replace(&mut state.has_rung, true) {
            let _ = (&self.bell).write(&[0]); // a full bell is ringing already
        }
    }
}

/// A thread, until it ends.
struct Member<'c, 'a, H>(&'c Crew<'a, H>);

impl<H> Drop for Member<'_, '_, H> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.threads -= 1;
        self.0.ring(&mut state);
    }
}

/// The place of a connection among the living, until its thread has closed it.
struct Place<'c, 'a, H> {
    crew: &'c Crew<'a, H>,
    number: usize,
    address: Option<IpAddr>,
    has_failed: bool,
}

impl<H> Drop for Place<'_, '_, H> {
    fn drop(&mut self) {
        let mut state = self.crew.state();
        state.totals.failed += usize::from(self.has_failed);
        state.live.remove(&self.number);
        if let Some(address) = self.address
            && let Some(count) = state.of_address.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                state.of_address.remove(&address);
            }
        }
        if state.resting > 0 {
            self.crew.ended.notify_all();
        }
        if state.stopping || state.makes_room {
            self.crew.ring(&mut state);
        }
    }
}
