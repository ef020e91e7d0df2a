//! One connection of a server: reads and writes that end by a deadline or at the stop, and a close
//! that does not turn into a reset.

use std::{
    cell::{Cell, RefCell},
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    time::Duration,
};

use socket2::SockRef;

use crate::{
    deadline::{Deadline, Timed},
    stop::Stop,
};

/// How long [`Connection::finish`] listens to a peer that keeps talking.
const LINGER: Duration = Duration::from_secs(1);

/// What a connection's thread and the accept loop share of it.
#[derive(Debug)]
pub(super) struct Shared {
    stream: TcpStream,
    /// Between messages: a read that waits here may end with end of file.
    idle: AtomicBool,
}

impl Shared {
    pub(super) fn new(stream: TcpStream) -> Shared {
        Shared {
            stream,
            idle: AtomicBool::new(false),
        }
    }

    /// For the accept loop, once the stop has been requested: ends a wait for the next message.
    /// On Linux `shutdown(Read)` wakes a thread that is blocked in a read.
    pub(super) fn end_idleness(&self) {
        if self.idle.load(SeqCst) {
            let _ = self.stream.shutdown(Shutdown::Read);
        }
    }

    /// For the accept loop, once the grace is over: ends every wait, and resets the connection when
    /// it is closed. A peer that still sends would otherwise go on for minutes, against a window
    /// that never opens again.
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
}

impl<'a> Connection<'a> {
    pub(super) fn new(shared: &'a Shared, stop: &'a Stop) -> Connection<'a> {
        let timed = RefCell::new(Deadline::after(Duration::MAX).on(&shared.stream));
        let connection = Connection {
            shared,
            stop,
            timed,
            peer_closed: Cell::new(false),
        };
        connection.between_messages(Duration::MAX);
        connection
    }

    /// A message may begin: its first byte may take this long. The stop ends the wait: what has
    /// arrived can still be read, and then a read returns 0, as at end of file.
    pub fn between_messages(&self, limit: Duration) {
        self.timed.borrow_mut().renew(limit);
        self.shared.idle.store(true, SeqCst);
        // In the one order that SeqCst promises, either the accept loop sees that this connection
        // is idle, or we see the stop.
        if self.stop.requested() {
            self.shared.end_idleness();
        }
    }

    /// A message is under way: what is read and written of it must be over within this time. The
    /// stop does not cut it off, but for the grace that `serve` leaves.
    pub fn within_message(&self, limit: Duration) {
        self.timed.borrow_mut().renew(limit);
        self.shared.idle.store(false, SeqCst);
    }

    /// Closes the sending half, and reads to the peer's end of file for up to a second: to close
    /// with bytes unread would send RST, and the peer could lose our last answer (RFC 1122,
    /// 4.2.2.13). A connection that was idle at the stop does not wait: it takes what has arrived,
    /// and closes, with RST if the peer was still sending.
    pub(super) fn finish(&self) -> io::Result<()> {
        if self.peer_closed.get() {
            return Ok(()); // closing the descriptor sends the FIN, and nothing is left to read
        }
        match self.shared.stream.shutdown(Shutdown::Write) {
            Err(error) if error.kind() != ErrorKind::NotConnected => return Err(error),
            _ => {}
        }
        self.within_message(LINGER);
        match self.discard() {
            // After shutdown(Read) Linux opens the window no more, so a peer that still sends
            // would go on trying for minutes. A reset ends that immediately.
            Ok(1..) if self.stop.requested() => {
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
        let n = self.timed.borrow_mut().read(buf)?;
        if n == 0 && !buf.is_empty() && !self.stop.requested() {
            self.peer_closed.set(true);
        }
        Ok(n)
    }
}

impl Write for &Connection<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.timed.borrow_mut().write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
