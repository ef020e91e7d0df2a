//! One connection of a server: reads and writes that end by a deadline or at the stop, and a close
//! that does not turn into a reset.

use std::{
    cell::{Cell, RefCell},
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use socket2::SockRef;

use super::crew::is_readable;
use crate::{
    deadline::{Deadline, Timed},
    stop::Stop,
};

/// How long [`Connection::finish`] listens to a peer that keeps talking.
const LINGER: Duration = Duration::from_secs(1);

/// What the thread of a connection and the thread that started the server share of it.
#[derive(Debug)]
pub(super) struct Shared {
    stream: TcpStream,
    phase: Mutex<Phase>,
}

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The handler does not say where messages begin. Nothing has come since then.
    Open(Instant),
    /// Between messages, since then: a read that waits here may end with end of file.
    Idle(Instant),
    /// A message is under way since then, and nothing has been written yet: it may be half sent.
    Receiving(Instant),
    /// It has no thread yet, or a message is being answered: the client waits.
    Busy,
    /// The server has ended it: what has arrived can still be read.
    Ended,
}

impl Shared {
    pub(super) fn new(stream: TcpStream) -> Shared {
        Shared {
            stream,
            phase: Mutex::new(Phase::Busy),
        }
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters the next phase, unless the server has ended the connection.
    fn enter(&self, next: Phase) -> bool {
        let mut phase = self.phase();
        let is_open = *phase != Phase::Ended;
        if is_open {
            *phase = next;
        }
        is_open
    }

    /// Bytes have come.
    fn has_heard(&self) {
        if let Phase::Open(since) = &mut *self.phase() {
            *since = Instant::now();
        }
    }

    /// Bytes are being written: a message that is under way has come whole.
    fn answers(&self) {
        let mut phase = self.phase();
        if matches!(*phase, Phase::Receiving(_)) {
            *phase = Phase::Busy;
        }
    }

    /// Since when the connection has waited for its client, if it does.
    pub(super) fn waits_since(&self) -> Option<Instant> {
        match *self.phase() {
            Phase::Open(since) | Phase::Idle(since) | Phase::Receiving(since) => Some(since),
            Phase::Busy | Phase::Ended => None,
        }
    }

    /// For the stop: ends a wait for the next message that has taken so long. Returns what is left
    /// of that time. A message cannot begin between the look and the shutdown, because both happen
    /// under the lock that [`Connection::within_message`] takes.
    pub(super) fn end_idleness(&self, after: Duration) -> Option<Duration> {
        let mut phase = self.phase();
        let left = match *phase {
            Phase::Open(_) => Duration::ZERO,
            Phase::Idle(since) => after.saturating_sub(since.elapsed()),
            Phase::Receiving(_) | Phase::Busy | Phase::Ended => return None,
        };
        if left.is_zero() {
            self.end(&mut phase);
            return None;
        }
        Some(left)
    }

    /// To make room: ends a wait for the client, also in the middle of a message, if it is still
    /// the one that began then.
    pub(super) fn end_wait(&self, since: Instant) {
        let mut phase = self.phase();
        let wait = [
            Phase::Open(since),
            Phase::Idle(since),
            Phase::Receiving(since),
        ];
        if wait.contains(&*phase) {
            self.end(&mut phase);
        }
    }

    /// On Linux `shutdown(Read)` wakes a thread that is blocked in a read.
    fn end(&self, phase: &mut Phase) {
        let _ = self.stream.shutdown(Shutdown::Read);
        *phase = Phase::Ended;
    }

    /// Once the grace after the stop is over: ends every wait, and resets the connection when it is
    /// closed. A peer that still sends would otherwise go on for minutes, against a window that
    /// never opens again.
    pub(super) fn abort(&self) {
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

/// A connection as a handler of [`serve`](super::serve()) gets it. `&Connection` is read and
/// written, so that a `BufReader` can hold one and answers be written to another.
#[derive(Debug)]
pub struct Connection<'a> {
    shared: &'a Shared,
    stop: &'a Stop,
    timed: RefCell<Timed<&'a TcpStream>>,
    peer_closed: Cell<bool>,
    /// After the stop: the message that comes next is read if it is here already.
    takes_what_is_here: Cell<bool>,
}

impl<'a> Connection<'a> {
    pub(super) fn new(shared: &'a Shared, stop: &'a Stop) -> Connection<'a> {
        let timed = RefCell::new(Deadline::after(Duration::MAX).on(&shared.stream));
        shared.enter(Phase::Open(Instant::now()));
        Connection {
            shared,
            stop,
            timed,
            peer_closed: Cell::new(false),
            takes_what_is_here: Cell::new(stop.requested()),
        }
    }

    /// A message may begin: its first byte may take this long. The stop ends the wait, and so may
    /// a server that is full: what has arrived can still be read, and then a read returns 0, as at
    /// end of file.
    pub fn between_messages(&self, limit: Duration) {
        self.enter(Phase::Idle, limit);
        // Either the thread that stops the server sees that this connection is idle, or we see the
        // stop: it is requested before that thread looks.
        self.takes_what_is_here.set(self.stop.requested());
    }

    /// A message is under way: what is read and written of it must be over within this time. The
    /// stop does not cut it off, but for the grace that `serve` leaves. A server that is full may,
    /// as long as the message has not come whole.
    pub fn within_message(&self, limit: Duration) {
        self.enter(Phase::Receiving, limit);
        self.takes_what_is_here.set(false);
    }

    fn enter(&self, phase: fn(Instant) -> Phase, limit: Duration) {
        let now = Instant::now();
        self.timed.borrow_mut().renew_at(now, limit);
        self.shared.enter(phase(now));
    }

    /// Closes the sending half, and reads to the peer's end of file for up to a second: to close
    /// with bytes unread would send RST, and the peer could lose our last answer (RFC 1122,
    /// 4.2.2.13). A connection whose wait the server has ended cannot read so: it takes what has
    /// arrived, and closes, with RST if the peer was still sending.
    pub(super) fn finish(&self) -> io::Result<()> {
        if self.peer_closed.get() {
            return Ok(()); // closing the descriptor sends the FIN, and nothing is left to read
        }
        match self.shared.stream.shutdown(Shutdown::Write) {
            Err(error) if error.kind() != ErrorKind::NotConnected => return Err(error),
            _ => {}
        }
        self.takes_what_is_here.set(false);
        self.timed.borrow_mut().renew(LINGER);
        match self.discard() {
            // After shutdown(Read) Linux opens the window no more, so a peer that still sends
            // would go on trying for minutes. A reset ends that immediately.
            Ok(1..) if *self.shared.phase() == Phase::Ended => {
                SockRef::from(&self.shared.stream).set_linger(Some(Duration::ZERO))
            }
            Err(error) if error.kind() != ErrorKind::TimedOut => Err(error),
            _ => Ok(()),
        }
    }

    /// Reads to the end of file, and says how much there was. Out of line, for its buffer must not
    /// take part in the stack of a thread that only waits.
    #[inline(never)]
    fn discard(&self) -> io::Result<usize> {
        let (mut buf, mut total) = ([0; 1024], 0);
        loop {
            match (&mut &*self).read(&mut buf)? {
                0 => return Ok(total),
                n => total += n,
            }
        }
    }
}

impl Read for &Connection<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.takes_what_is_here.get() && !is_readable(&self.shared.stream) {
            return Ok(0);
        }
        let n = self.timed.borrow_mut().read(buf)?;
        if n > 0 {
            self.shared.has_heard();
        } else if !buf.is_empty() && *self.shared.phase() != Phase::Ended {
            self.peer_closed.set(true);
        }
        Ok(n)
    }
}

impl Write for &Connection<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.shared.answers();
        self.timed.borrow_mut().write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{ErrorKind, Read},
        net::{TcpListener, TcpStream},
        sync::Barrier,
        thread,
    };

    use super::{Duration, Instant, Phase, Shared};

    #[test]
    fn at_the_stop_a_message_has_begun_or_is_cut_off_and_never_both() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        for _ in 0..2000 {
            let _client = TcpStream::connect(addr).unwrap();
            let shared = Shared::new(listener.accept().unwrap().0);
            shared.enter(Phase::Idle(Instant::now()));
            let both = Barrier::new(2);
            let has_begun = thread::scope(|scope| {
                scope.spawn(|| {
                    both.wait();
                    shared.end_idleness(Duration::ZERO);
                });
                both.wait();
                shared.enter(Phase::Receiving(Instant::now()))
            });
            shared.stream.set_nonblocking(true).unwrap();
            match (&shared.stream).read(&mut [0]) {
                Ok(0) => assert!(!has_begun, "a message that has begun is cut off"),
                Err(error) if error.kind() == ErrorKind::WouldBlock => assert!(has_begun),
                other => panic!("{other:?}"),
            }
        }
    }
}
