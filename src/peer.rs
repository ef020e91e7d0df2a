//! The other end: a connection with both ends in one hand, and peers with habits that a program
//! must survive.

mod hops;

use std::{
    io::{self, Write},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    os::fd::AsFd,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use socket2::{Domain, SockRef, Socket, Type};

pub use self::hops::{set_min_ttl, set_ttl};
use crate::{
    deadline::Deadline,
    fault::Attempt,
    listen::Listen,
    table::{End, Kernel, Row},
};

/// Both ends of a new connection: the client, what accept returned for it, and the client's end.
///
/// # Errors
/// As for connect and accept. Accept takes the oldest client of the queue: no other may be in it.
pub fn connected(listener: &TcpListener) -> io::Result<(TcpStream, TcpStream, End)> {
    let client = TcpStream::connect(listener.local_addr()?)?;
    let end = End::of(&client)?;
    let (server, _) = listener.accept()?;
    Ok((client, server, end))
}

/// As [`connected`], with small receive buffers at both ends: of a write of 64 KiB to an end that
/// does not read, most is left. Later connections of the listener have such buffers, too. Earlier
/// ones that are still in its queue are closed.
///
/// # Errors
/// As for connect and accept.
pub fn narrow(listener: &TcpListener) -> io::Result<(TcpStream, TcpStream, End)> {
    let addr = listener.local_addr()?;
    SockRef::from(listener).set_recv_buffer_size(NARROW)?; // what it accepts inherits it
    let client = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    client.set_recv_buffer_size(NARROW)?; // before connect, which announces the window
    client.connect(&addr.into())?;
    let end = End::of(&client)?;
    loop {
        let (server, peer) = listener.accept()?;
        if peer == end.local {
            return Ok((client.into(), server, end));
        }
    }
}

/// A socket with a port of its own, and its address. A client that dials it is refused for as long
/// as the socket lives: no other program can listen there. Its own connect sends the SYN and does
/// not wait.
///
/// # Errors
/// As for socket and bind.
pub fn bound(ip: impl Into<IpAddr>) -> io::Result<(Socket, SocketAddr)> {
    let any_port = SocketAddr::new(ip.into(), 0);
    let socket = Socket::new(Domain::for_address(any_port), Type::STREAM, None)?;
    socket.bind(&any_port.into())?;
    socket.set_nonblocking(true)?;
    let addr = End::of(&socket)?.local;
    Ok((socket, addr))
}

/// Sends a non-blocking socket's SYN, and does not wait for the answer (lesson `nonblocking`).
///
/// # Errors
/// As for connect. EINPROGRESS is not an error here: it says that the SYN is sent.
pub fn begin_to_connect(socket: &Socket, addr: SocketAddr) -> io::Result<()> {
    match socket.connect(&addr.into()) {
        Err(error) if error.raw_os_error() != Some(Errno::EINPROGRESS as i32) => Err(error),
        _ => Ok(()),
    }
}

/// Waits until the kernel's row of this end is so, for at most five seconds. A call that sends a
/// segment may return before the segment has arrived: a busy machine leaves its arrival to another
/// thread of the kernel. Where the kernel shows no rows this does not wait.
///
/// # Errors
/// [`io::ErrorKind::TimedOut`]: it is not so within five seconds. The table cannot be read.
pub fn wait_until(end: End, is_so: impl Fn(Option<Row>) -> bool) -> io::Result<()> {
    let Ok(mut kernel) = Kernel::open() else {
        return Ok(());
    };
    let look = || Ok(is_so(kernel.row_with_info(end)?).then_some(()));
    let waited = Deadline::after(Duration::from_secs(5)).wait_for(look)?;
    waited.ok_or_else(|| {
        let what = format!("after 5 s the kernel's row of {end} is not what the lesson waits for");
        io::Error::new(io::ErrorKind::TimedOut, what)
    })
}

/// Waits until a non-blocking connect is over, as lesson `nonblocking`
/// does. The connection it returns blocks.
///
/// # Errors
/// The connect has failed. [`io::ErrorKind::TimedOut`]: it has not ended within ten seconds.
pub fn finish_connect(connecting: Socket) -> io::Result<TcpStream> {
    wait_ready(&connecting, PollFlags::POLLOUT, Duration::from_secs(10))?;
    match connecting.take_error()? {
        Some(error) => Err(error),
        None => connecting.set_nonblocking(false).and(Ok(connecting.into())),
    }
}

/// What the buffers of [`narrow`] are asked for, in bytes. Linux doubles it (socket(7), SO_RCVBUF).
const NARROW: usize = 4096;

/// A client of a proxy, and the connection that the proxy's server accepts for this client.
///
/// # Errors
/// As for connect and [`accept_soon`]. Accept takes the oldest client: the
/// queue must be empty before.
pub fn connected_through(
    proxy: SocketAddr,
    server: &TcpListener,
) -> io::Result<(TcpStream, TcpStream)> {
    let client = TcpStream::connect(proxy)?;
    Ok((client, accept_soon(server)?))
}

/// Accepts a connection that a client is about to make.
///
/// # Errors
/// As for accept. [`io::ErrorKind::TimedOut`]: no client has dialed within 30 seconds. On a busy
/// machine the thread that dials may wait seconds for a CPU.
pub fn accept_soon(listener: &TcpListener) -> io::Result<TcpStream> {
    wait_ready(listener, PollFlags::POLLIN, Duration::from_secs(30))
        .and_then(|()| Ok(listener.accept()?.0))
        .attempt(|| "no connection to accept".to_owned())
}

/// Waits for one of these events, also through signals: they end a poll (signal(7)).
///
/// # Errors
/// [`io::ErrorKind::TimedOut`]: none has come within the limit. As for poll.
pub fn wait_ready(socket: &impl AsFd, events: PollFlags, limit: Duration) -> io::Result<()> {
    let deadline = Deadline::after(limit);
    loop {
        let left = deadline.remaining()?.as_millis() + 1;
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(socket.as_fd(), events)], timeout) {
            Ok(0) | Err(Errno::EINTR) => {} // then nothing remains, or less than before
            Ok(_) => return Ok(()),
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// A listener that answers no SYN, for its accept queue is full, and who fills it.
///
/// # Errors
/// As for listen and connect.
pub fn silent() -> io::Result<(TcpListener, TcpStream)> {
    let listener = Listen::with_backlog(0).on(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let queued = TcpStream::connect(listener.local_addr()?)?; // a backlog of 0 has room for one
    wait_until(End::of(&listener)?, |row| {
        row.is_some_and(|row| row.recv_q == 1)
    })?;
    Ok((listener, queued))
}

/// The flag of a segment that ends its sender's bytes (RFC 9293, 3.1).
pub const FIN: u8 = 0x01;
/// The flag of a segment that begins a connection.
pub const SYN: u8 = 0x02;

/// Loses segments on their way to a socket: from now on the kernel drops all that
/// have none of these flags before the socket sees them, and counts them
/// (`Row::drops`). With no flags, all are dropped. A connection inherits this from
/// its listener, and a listener's filter also holds for the ACKs that end its
/// handshakes (socket(7), SO_ATTACH_FILTER). Elsewhere than on Linux nothing is lost.
///
/// For a program that has a network of its own: elsewhere recent kernels ask for CAP_NET_ADMIN
/// (seen on Linux 6.18). [`set_min_ttl`] loses segments with no privileges.
///
/// # Errors
/// [`io::ErrorKind::PermissionDenied`]: the kernel asks for CAP_NET_ADMIN. Or it is out of memory
/// for filters (`net.core.optmem_max`).
pub fn receives_only(socket: &impl AsFd, flags: u8) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use nix::libc::{BPF_ABS, BPF_B, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET};
        use socket2::SockFilter;
        let step = |code: u32, then, otherwise, k| SockFilter::new(code as u16, then, otherwise, k);
        SockRef::from(socket).attach_filter(&[
            step(BPF_LD | BPF_B | BPF_ABS, 0, 0, 13), // the TCP header's byte of flags
            // One of them: go on; none: skip one.
            step(BPF_JMP | BPF_JSET | BPF_K, 0, 1, flags.into()),
            step(BPF_RET | BPF_K, 0, 0, u32::MAX), // let the whole segment in
            step(BPF_RET | BPF_K, 0, 0, 0),        // let nothing in
        ])
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (socket, flags);
        Ok(())
    }
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
                // Before the write: the thread may stand still right after it, too.
                let sending = Instant::now();
                stream.write_all(&[*byte])?;
                longest = longest.max(sent.elapsed());
                sent = sending;
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
    use super::{FIN, connected, receives_only, set_min_ttl, set_ttl, wait_ready, wait_until};
    use crate::{
        deadline::Deadline,
        table::{End, Kernel, State},
    };
    use nix::poll::PollFlags;
    use std::{
        io::{ErrorKind, Read, Write},
        net::{Shutdown, TcpListener},
        time::Duration,
    };

    fn limit() -> Deadline {
        Deadline::after(Duration::from_secs(5))
    }

    /// The state and the Recv-Q of an end, once the kernel has dropped a segment that came for it.
    fn once_dropped(end: End) -> Option<(State, u32)> {
        let mut kernel = Kernel::sock_diag().unwrap();
        let dropped = || {
            let table = kernel.table()?;
            let row = table.find(end).expect("the connection is open");
            Ok((row.drops > Some(0)).then_some((row.state, row.recv_q)))
        };
        limit().wait_for(dropped).unwrap()
    }

    #[test]
    fn a_row_and_an_event_are_waited_for_and_if_they_do_not_come_the_error_says_so() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (mut client, server, end) = connected(&listener).unwrap();
        client.write_all(b"hello").unwrap();
        let unread = end.other();
        wait_until(unread, |row| row.is_some_and(|row| row.recv_q == 5)).unwrap();
        wait_ready(&server, PollFlags::POLLIN, Duration::from_secs(5)).unwrap();
        let error = wait_until(unread, |row| row.is_none()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(error.to_string().contains(&unread.to_string()), "{error}");
        let error = wait_ready(&client, PollFlags::POLLIN, Duration::from_millis(20)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn segments_below_the_least_ttl_are_lost_and_counted_in_both_families() {
        for ip in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(ip) else {
                eprintln!("skipped: no address like {ip} here");
                continue;
            };
            let (mut client, server, end) = connected(&listener).unwrap();
            set_min_ttl(&server, 255).unwrap();
            client.write_all(b"lost").unwrap();
            let seen = once_dropped(end.other());
            assert_eq!(seen, Some((State::Established, 0)), "{ip}");
            set_ttl(&client, 255).unwrap(); // what is sent again comes through
            let mut came = [0; 4];
            limit().on(&server).read_exact(&mut came).unwrap();
            assert_eq!(came, *b"lost");
            set_ttl(&client, 64).unwrap();
            set_min_ttl(&server, 0).unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            assert_eq!(limit().on(&server).read(&mut came).unwrap(), 0);
        }
    }

    #[test]
    fn a_segment_with_the_flag_comes_through_and_others_are_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (mut client, server, end) = connected(&listener).unwrap();
        match receives_only(&server, FIN) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                return eprintln!("skipped: a filter on a TCP socket takes CAP_NET_ADMIN here");
            }
            attached => attached.unwrap(),
        }
        client.write_all(b"lost").unwrap();
        assert_eq!(once_dropped(end.other()), Some((State::Established, 0)));
        // What was lost is sent again, with the FIN in the same segment or after it.
        client.shutdown(Shutdown::Write).unwrap();
        socket2::SockRef::from(&server).detach_filter().unwrap();
        let mut all = Vec::new();
        limit().on(&server).read_to_end(&mut all).unwrap();
        assert_eq!(all, b"lost");
    }
}
