//! A ping whenever nothing has happened for an interval.
//!
//! Only the clock of it: what a ping is, and that a deadline must be pushed by what *arrives* and
//! never by what is sent, is the caller's part (lesson `heartbeat`).

use std::{
    io,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::Duration,
};

/// A thread that pings. Dropping it ends and joins the thread.
#[derive(Debug)]
pub struct Heartbeat {
    /// `None` once it is to end: the thread notices that the channel has no sender any more.
    activity: Option<Sender<()>>,
    thread: Option<JoinHandle<io::Result<u64>>>,
}

impl Heartbeat {
    /// Calls `ping` whenever an interval has passed without [`Heartbeat::activity`]. A ping that
    /// fails is the last one.
    #[must_use]
    pub fn start(
        interval: Duration,
        mut ping: impl FnMut() -> io::Result<()> + Send + 'static,
    ) -> Heartbeat {
        let (activity, news) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut pings = 0;
            loop {
                match news.recv_timeout(interval) {
                    Ok(()) => {} // the interval restarts
                    Err(RecvTimeoutError::Timeout) => {
                        ping()?;
                        pings += 1;
                    }
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

    /// Ends it. Returns how many pings were sent.
    ///
    /// # Errors
    /// The error of the ping that failed.
    pub fn end(mut self) -> io::Result<u64> {
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
    use super::Heartbeat;
    use std::{
        io,
        sync::mpsc,
        time::{Duration, Instant},
    };

    const INTERVAL: Duration = Duration::from_millis(30);

    #[test]
    fn pings_at_each_interval_of_silence() {
        let (ping, pings) = mpsc::channel();
        let started = Instant::now();
        let heartbeat = Heartbeat::start(INTERVAL, move || ping.send(()).map_err(io::Error::other));
        for _ in 0..3 {
            pings.recv_timeout(Duration::from_secs(10)).unwrap();
        }
        assert!(started.elapsed() >= 3 * INTERVAL);
        assert!(heartbeat.end().unwrap() >= 3);
    }

    #[test]
    fn activity_puts_the_ping_off() {
        let (ping, pings) = mpsc::channel();
        let heartbeat = Heartbeat::start(INTERVAL, move || {
            ping.send(Instant::now()).map_err(io::Error::other)
        });
        let mut last = Instant::now();
        for _ in 0..1000 {
            last = Instant::now();
            heartbeat.activity();
        }
        // Whatever was sent before the last activity, the next ping comes
        // a whole interval after it.
        let after = |at: &Instant| *at > last;
        let next =
            std::iter::from_fn(|| pings.recv_timeout(Duration::from_secs(10)).ok()).find(after);
        assert!(next.unwrap() >= last + INTERVAL);
    }

    #[test]
    fn a_ping_that_fails_is_the_last() {
        let (done, pinged) = mpsc::channel();
        let heartbeat = Heartbeat::start(INTERVAL, move || {
            done.send(()).map_err(io::Error::other)?;
            Err(io::ErrorKind::BrokenPipe.into())
        });
        pinged.recv().unwrap();
        assert_eq!(
            heartbeat.end().unwrap_err().kind(),
            io::ErrorKind::BrokenPipe
        );
    }
}
