//! The other end: a connection with both ends in one hand, and peers with habits that a program
//! must survive.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

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

/// A client of a proxy, and what the server that is behind it accepts for this client.
///
/// # Errors
/// As for connect and accept. Accept takes the oldest of the queue: nobody else may be in it.
pub fn connected_through(
    proxy: SocketAddr,
    server: &TcpListener,
) -> io::Result<(TcpStream, TcpStream)> {
    Ok((TcpStream::connect(proxy)?, server.accept()?.0))
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

/// How many bytes a second go through what is between two ends, as a ratio to a direct connection to
/// this listener: the median of rounds in which both take turns, each over new connections, for one
/// round tells of the machine's mood as much as of them.
///
/// # Errors
/// As for connect, write and read, or other bytes have arrived than were sent.
pub fn throughput_beside_direct(
    listener: &TcpListener,
    between: impl Fn() -> io::Result<(TcpStream, TcpStream)>,
) -> io::Result<f64> {
    let mut ratios = Vec::new();
    for _ in 0..5 {
        let (client, server, _) = connected(listener)?;
        let direct = throughput(&client, &server)?;
        let (client, server) = between()?;
        ratios.push(throughput(&client, &server)? / direct);
    }
    ratios.sort_by(f64::total_cmp);
    Ok(ratios[ratios.len() / 2])
}

/// Bytes a second from one end to the other: one sends for 50 ms and ends, the other reads to the end
/// of file.
fn throughput(from: &TcpStream, to: &TcpStream) -> io::Result<f64> {
    const TIME: Duration = Duration::from_millis(50);
    const ONCE: usize = 256 << 10; // bytes for each call: the calls must not be what is measured
    thread::scope(|scope| {
        let started = Instant::now();
        let send = move || {
            let (mut from, bytes, mut sent) = (from, vec![b'x'; ONCE], 0);
            while started.elapsed() < TIME {
                sent += from.write(&bytes)?;
            }
            from.shutdown(Shutdown::Write).and(Ok(sent))
        };
        let sender = thread::Builder::new().spawn_scoped(scope, send)?;
        let (mut to, mut buf, mut arrived) = (to, vec![0; ONCE], 0);
        while let n @ 1.. = to.read(&mut buf)? {
            arrived += n;
        }
        let seconds = started.elapsed().as_secs_f64();
        let sent: usize = sender.join().expect("it returns its errors")?;
        if arrived == sent {
            return Ok(arrived as f64 / seconds);
        }
        let lost = format!("of {sent} bytes {arrived} have arrived");
        Err(io::Error::other(lost))
    })
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

#[cfg(test)]
mod tests {
    use super::{connected, throughput, throughput_beside_direct};
    use std::net::TcpListener;

    #[test]
    fn throughput_is_of_what_arrives_before_the_end_of_file() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let direct = || connected(&listener).map(|(client, server, _)| (client, server));
        assert!(throughput_beside_direct(&listener, direct).unwrap() > 0.0);
        let (client, server) = direct().unwrap();
        assert!(throughput(&client, &server).unwrap() > 0.0);
        assert!(throughput(&client, &server).is_err()); // it has ended
    }
}
