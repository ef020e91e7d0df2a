//! The other end: a connection with both ends in one hand, and peers with habits that a program
//! must survive.

use std::{
    io::{self, Write},
    net::{TcpListener, TcpStream},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::table::End;

/// Both ends of a new connection: the client, what accept returned for it, and the client's end.
///
/// # Errors
/// As for connect and accept. Accept takes the oldest of the queue: nobody else may be in it.
pub fn connected(listener: &TcpListener) -> io::Result<(TcpStream, TcpStream, End)> {
    let client = TcpStream::connect(listener.local_addr()?)?;
    let end = End::of(&client)?;
    let (server, _) = listener.accept()?;
    Ok((client, server, end))
}

/// A peer that sends its bytes one at a time, with a pause before each: slow, but never silent.
#[derive(Debug)]
pub struct Drip(JoinHandle<io::Result<(TcpStream, Duration)>>);

impl Drip {
    /// Starts to send, on a thread of its own.
    #[must_use]
    pub fn start(mut stream: TcpStream, bytes: &'static [u8], pause: Duration) -> Drip {
        Drip(thread::spawn(move || {
            let mut longest = Duration::ZERO;
            for byte in bytes {
                let started = Instant::now();
                thread::sleep(pause); // no synchronisation: its length is the subject
                longest = longest.max(started.elapsed());
                stream.write_all(&[*byte])?;
            }
            Ok((stream, longest))
        }))
    }

    /// Waits until all is sent. Returns the stream, and the longest pause there really was: on a
    /// busy machine it may be much longer than was asked for.
    ///
    /// # Errors
    /// A byte could not be sent: the other end has closed.
    pub fn end(self) -> io::Result<(TcpStream, Duration)> {
        self.0.join().expect("the thread only sleeps and writes")
    }
}
