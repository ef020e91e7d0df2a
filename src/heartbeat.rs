//! A ping whenever nothing has happened for an interval, by a thread that never waits for the peer.
//!
//! The caller moves its deadline forward by what *arrives*, and never by what is sent (lesson
//! `heartbeat`).

use std::{
    fs,
    io::{self, ErrorKind},
    net::TcpStream,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::Duration,
};

use nix::libc::MSG_DONTWAIT;
use socket2::SockRef;

use crate::counters::counter;

/// How many probes the kernel has sent because of SO_KEEPALIVE: TcpExtTCPKeepAlive, as `nstat -az`
/// shows it (`/proc/net/netstat`). All connections of the network namespace move it. `None` where
/// the kernel does not report it.
#[must_use]
pub fn keepalive_probes() -> Option<u64> {
    let text = fs::read_to_string("/proc/net/netstat").ok()?;
    counter(&text, "TcpExt", "TCPKeepAlive")
}

/// Sends a text on a connection as far as there is room in the send buffer, and never waits for
/// room. With a peer that does not read, a blocking write would wait without limit.
#[derive(Debug)]
pub struct Ping {
    stream: TcpStream,
    text: &'static [u8],
    /// The part of the last text that did not fit. It is sent first, so that no text is cut.
    rest: &'static [u8],
}

impl Ping {
    /// Pings on this connection, through another handle to it.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn on(stream: &TcpStream, text: &'static [u8]) -> io::Result<Ping> {
        Ok(Ping {
            stream: stream.try_clone()?,
            text,
            rest: b"",
        })
    }

    /// Sends the text now, or what was left of the last one. False if there was no room: this ping
    /// is missed, and is not sent later.
    ///
    /// # Errors
    /// As for send.
    pub fn send(&mut self) -> io::Result<bool> {
        if self.rest.is_empty() {
            self.rest = self.text;
        }
        match SockRef::from(&self.stream).send_with_flags(self.rest, MSG_DONTWAIT) {
            Ok(n) => self.rest = &self.rest[n..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if self.rest.len() == self.text.len() {
                    self.rest = b""; // nothing of it is sent
                }
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
        Ok(true)
    }
}

/// How many pings there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pings {
    /// Sent: the kernel has taken them.
    pub sent: u64,
    /// Missed: there was no room for them.
    pub missed: u64,
}

/// A thread that pings. Dropping it ends and joins the thread.
#[derive(Debug)]
pub struct Heartbeat {
    /// `None` once it is to end: the thread notices that the channel has no sender any more.
    activity: Option<Sender<()>>,
    thread: Option<JoinHandle<io::Result<Pings>>>,
}

impl Heartbeat {
    /// Pings whenever an interval has passed without [`Heartbeat::activity`]. A ping that fails is
    /// the last one.
    #[must_use]
    pub fn start(interval: Duration, mut ping: Ping) -> Heartbeat {
        Heartbeat::beat(interval, move || ping.send())
    }

    /// As [`Heartbeat::start`]; `ping` must not wait for the peer, because the owner joins its
    /// thread.
    fn beat(
        interval: Duration,
        mut ping: impl FnMut() -> io::Result<bool> + Send + 'static,
    ) -> Heartbeat {
        let (activity, news) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut pings = Pings::default();
            loop {
                match news.recv_timeout(interval) {
                    Ok(()) => {} // the interval restarts
                    Err(RecvTimeoutError::Timeout) => match ping()? {
                        true => pings.sent += 1,
                        false => pings.missed += 1,
                    },
                    Err(RecvTimeoutError::Disconnected) => return Ok(pings),
                }
            }
        });
        Heartbeat {
            activity: Some(activity),
            thread: Some(thread),
        }
    }

    /// Something was heard: no ping is needed for another interval.
    pub fn activity(&self) {
        if let Some(activity) = &self.activity {
            let _ = activity.send(()); // an error: a ping has failed, and its thread has ended
        }
    }

    /// Ends it. Returns how many pings there were.
    ///
    /// # Errors
    /// The error of the ping that failed.
    pub fn end(mut self) -> io::Result<Pings> {
        self.activity = None;
        let thread = self.thread.take().expect("only `end` and `drop` take it");
        thread
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the ping panicked")))
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.activity = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Heartbeat, Ping, Pings};
    use crate::peer::narrow;
    use std::{
        io::{self, ErrorKind, Read, Write},
        net::{TcpListener, TcpStream},
        sync::mpsc,
        thread,
        time::{Duration, Instant},
    };

    const INTERVAL: Duration = Duration::from_millis(30);
    const TEXT: &[u8] = b"ping\n";

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    fn read_ping(mut stream: &TcpStream) {
        let mut text = [0; TEXT.len()];
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        stream.read_exact(&mut text).unwrap();
        assert_eq!(text, *TEXT);
    }

    #[test]
    fn pings_at_each_interval_of_silence() {
        let (client, server) = pair();
        let started = Instant::now();
        let heartbeat = Heartbeat::start(INTERVAL, Ping::on(&client, TEXT).unwrap());
        for _ in 0..3 {
            read_ping(&server);
        }
        assert!(started.elapsed() >= 3 * INTERVAL);
        let pings = heartbeat.end().unwrap();
        assert!(pings.sent >= 3 && pings.missed == 0, "{pings:?}");
    }

    #[test]
    fn activity_puts_the_ping_off() {
        let (ping, pings) = mpsc::channel();
        let heartbeat = Heartbeat::beat(INTERVAL, move || {
            ping.send(Instant::now()).map_err(io::Error::other)?;
            Ok(true)
        });
        let mut last = Instant::now();
        for _ in 0..1000 {
            last = Instant::now();
            heartbeat.activity();
        }
        // Whatever was sent before the last activity, the next ping comes a whole interval after
        // it.
        let after = |at: &Instant| *at > last;
        let next =
            std::iter::from_fn(|| pings.recv_timeout(Duration::from_secs(10)).ok()).find(after);
        assert!(next.unwrap() >= last + INTERVAL);
    }

    #[test]
    fn a_ping_that_fails_is_the_last() {
        let (done, pinged) = mpsc::channel();
        let heartbeat = Heartbeat::beat(INTERVAL, move || {
            done.send(()).map_err(io::Error::other)?;
            Err(ErrorKind::BrokenPipe.into())
        });
        pinged.recv().unwrap();
        assert_eq!(heartbeat.end().unwrap_err().kind(), ErrorKind::BrokenPipe);
    }

    /// Both buffers of this connection are full, and stay so.
    fn full() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (mut client, server, _) = narrow(&listener).unwrap();
        client
            .set_write_timeout(Some(Duration::from_millis(300)))
            .unwrap();
        let written = client.write_all(&vec![0; 64 << 20]);
        assert_eq!(written.unwrap_err().kind(), ErrorKind::WouldBlock);
        client.set_write_timeout(None).unwrap();
        (client, server)
    }

    #[test]
    fn without_room_pings_are_missed_and_nothing_waits() {
        let (client, _server) = full();
        let (done, ended) = mpsc::channel();
        thread::spawn(move || {
            let mut ping = Ping::on(&client, TEXT).unwrap();
            let first = ping.send().unwrap();
            let heartbeat = Heartbeat::start(INTERVAL, ping);
            let silence = Duration::from_millis(500);
            client.set_read_timeout(Some(silence)).unwrap();
            let read = (&client).read(&mut [0]).map_err(|error| error.kind());
            done.send((first, read, heartbeat.end().unwrap())).unwrap();
        });
        let (first, read, pings) = ended
            .recv_timeout(Duration::from_secs(20))
            .expect("a ping waits for room");
        assert!(!first);
        assert_eq!(read, Err(ErrorKind::WouldBlock));
        let sent = 0;
        assert!(pings.missed > 0, "{pings:?}");
        assert_eq!(pings, Pings { sent, ..pings });
    }

    #[test]
    fn a_part_that_did_not_fit_is_sent_before_the_next_ping() {
        let (client, server) = pair();
        let mut ping = Ping::on(&client, TEXT).unwrap();
        (&client).write_all(b"pi").unwrap();
        ping.rest = b"ng\n"; // as if only two bytes had fitted
        assert!(ping.send().unwrap() && ping.send().unwrap());
        read_ping(&server);
        read_ping(&server);
    }
}
