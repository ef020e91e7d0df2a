//! A thread sends the pings, and gives the lock to the reader only while none is due.
//!
//! rejected by: accepts any interval and any count
//! cause: waits for a lock (futex), which the first holds nearly all the time

use std::{
    io::{self, ErrorKind, Read},
    net::{Shutdown, TcpStream},
    sync::{Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use nix::libc::MSG_DONTWAIT;
use socket2::SockRef;
use workshop::checks::heartbeat::Ended;

/// What the two threads share.
struct Shared {
    due: Instant,
    unanswered: u32,
    ended: Option<Ended>,
}

pub fn watch(stream: &TcpStream, interval: Duration, misses: u32) -> io::Result<Ended> {
    let due = Instant::now() + interval;
    let shared = Mutex::new(Shared {
        due,
        unanswered: 0,
        ended: None,
    });
    let changed = Condvar::new();
    thread::scope(|scope| {
        scope.spawn(|| pings(stream, interval, misses, (&shared, &changed)));
        let outcome = reads(stream, interval, &shared);
        let mut shared = shared.lock().unwrap();
        let ended = *shared.ended.get_or_insert(Ended::Closed);
        changed.notify_all();
        outcome.map(|()| ended)
    })
}

fn reads(mut stream: &TcpStream, interval: Duration, shared: &Mutex<Shared>) -> io::Result<()> {
    loop {
        let read = stream.read(&mut [0; 512]);
        let mut shared = shared.lock().unwrap(); // waits here
        match read {
            Ok(0) => return Ok(()),
            Ok(_) => (shared.unanswered, shared.due) = (0, Instant::now() + interval),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                shared.ended = Some(Ended::Reset);
                return Ok(());
            }
            Err(error) => return Err(error),
        }
    }
}

fn pings(
    stream: &TcpStream,
    interval: Duration,
    misses: u32,
    (shared, changed): (&Mutex<Shared>, &Condvar),
) {
    let mut shared = shared.lock().unwrap();
    // spins here
    while shared.ended.is_none() {
        let left = shared.due.saturating_duration_since(Instant::now()); // spins here
        // spins here
        if !left.is_zero() {
            shared = changed.wait_timeout(shared, left).unwrap().0;
        } else if shared.unanswered == misses {
            shared.ended = Some(Ended::Silent);
            let _ = stream.shutdown(Shutdown::Read); // wakes the reader
        } else {
            shared.unanswered += 1; // spins here
            shared.due += interval; // spins here
            let _ = SockRef::from(stream).send_with_flags(b"ping\n", MSG_DONTWAIT); // spins here
        }
    }
}
