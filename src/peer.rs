//! The other end: a connection with both ends in one hand, and peers with habits that a program
//! must survive.

use std::{
    io::{self, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use socket2::{Domain, Socket, Type};

use crate::{
    deadline::Deadline,
    listen::Listen,
    table::{End, Kernel},
};

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

/// A listener that answers no SYN, for its accept queue is full, and who fills it.
///
/// # Errors
/// As for listen and connect.
pub fn silent() -> io::Result<(TcpListener, TcpStream)> {
    let listener = Listen::with_backlog(0).on(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let queued = TcpStream::connect(listener.local_addr()?)?; // a backlog of 0 has room for one
    if let Ok(mut kernel) = Kernel::open() {
        let end = End::of(&listener)?;
        let full = || {
            Ok(kernel
                .table()?
                .find(end)
                .filter(|row| row.recv_q == 1)
                .map(drop))
        };
        Deadline::after(Duration::from_secs(5)).wait_for(full)?;
    }
    Ok((listener, queued))
}

/// An address that refuses: the socket is bound to it, so that nobody else can listen there, and does
/// not listen. It refuses for as long as the socket lives.
///
/// # Errors
/// As for bind.
pub fn deaf() -> io::Result<(SocketAddr, Socket)> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    Ok((End::of(&socket)?.local, socket))
}

/// A peer that sends its bytes one at a time, with a pause before each: slow, but never silent.
#[derive(Debug)]
pub struct Drip(JoinHandle<io::Result<(TcpStream, Duration)>>);

impl Drip {
    /// Starts to send, on a thread of its own.
    #[must_use]
    pub fn start(mut stream: TcpStream, bytes: &'static [u8], pause: Duration) -> Drip {
        let (mut sent, mut longest) = (Instant::now(), Duration::ZERO);
        Drip(thread::spawn(move || {
            for byte in bytes {
                thread::sleep(pause); // no synchronisation: its length is the subject
                stream.write_all(&[*byte])?;
                longest = longest.max(sent.elapsed());
                sent = Instant::now();
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
