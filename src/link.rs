//! A link that is worse than any cable: a thread between UDP sockets on loopback, which loses,
//! repeats and reorders the datagrams that go through it.
//!
//! Loopback itself loses nothing on its way, so a program that must be able to cope with loss has
//! to be given some. Which datagrams meet with what is not left to chance: the fate of the n-th of
//! each direction follows from the seed, so that a run can be had again.
//!
//! A link is for one client. Its answers come from where it has sent to; a server that answers from
//! another port, as TFTP's does (RFC 1350, 4), gets another port of the link as well.

mod direction;
mod faults;

use std::{
    fmt,
    io::{self, ErrorKind},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    os::{fd::AsFd, unix::net::UnixStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use self::direction::Direction;
pub use self::faults::{Arguments, Faults, Quality};
use crate::deadline::Deadline;

/// What is held back is sent after the next datagram of its direction, or after this many
/// milliseconds.
const HELD: u16 = 20;

/// How long what was sent may take to arrive.
const PATIENCE: Duration = Duration::from_secs(5);

/// A server may answer from this many ports. Datagrams from further ports are lost.
const PORTS: usize = 64;

/// No datagram is longer (RFC 768: the length has 16 bits).
const LONGEST: usize = 1 << 16;

/// What has gone through a link, both directions together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Datagrams that were sent into it.
    pub taken: usize,
    /// Of these, how many were lost.
    pub lost: usize,
    /// How many came twice.
    pub repeated: usize,
    /// How many came after one that had been sent later.
    pub reordered: usize,
}

/// A link with a thread of its own, which ends when it is dropped.
#[derive(Debug)]
pub struct Link {
    addr: SocketAddr,
    sockets: [UdpSocket; 2],
    thread: Option<JoinHandle<Passed>>,
    /// How many datagrams the thread waits for at its end.
    sent: Arc<AtomicUsize>,
    /// When this half of a socket pair closes, the other half wakes the thread.
    stop: Option<UnixStream>,
}

impl Link {
    /// A link to a server: what is sent to [`Link::addr`] goes there, and its answers go to the
    /// client that sent last.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`]: a share is not between 0 and 1. Else
    /// as for bind; or no thread can be started.
    pub fn between(to: SocketAddr, faults: Faults, seed: u64) -> io::Result<Link> {
        faults.check()?;
        let near = loopback(to)?;
        let (addr, far) = (near.local_addr()?, loopback(to)?);
        let sockets = [near.try_clone()?, far.try_clone()?];
        let (stop, stopped) = UnixStream::pair()?;
        let wires = Wires {
            near: vec![(near, to)],
            far,
            client: None,
            forth: Direction::new(faults, seed),
            back: Direction::new(faults, !seed),
            passed: Passed::default(),
        };
        // Without a name: it has its starter's, by which an examiner knows whose threads are whose.
        let sent = Arc::new(AtomicUsize::new(0));
        let wanted = Arc::clone(&sent);
        let thread = thread::Builder::new().spawn(move || wires.relay(&stopped, &wanted))?;
        Ok(Link {
            addr,
            sockets,
            thread: Some(thread),
            sent,
            stop: Some(stop),
        })
    }

    /// The address to send to.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its sockets: the one that clients send to, and the one that sends to the server.
    #[must_use]
    pub fn sockets(&self) -> &[UdpSocket; 2] {
        &self.sockets
    }

    /// Waits until it has taken this many datagrams, both directions together, for at most five
    /// seconds. Lets through what it holds back, ends, and says what has gone through. The last
    /// datagrams may still be on their way to the other ends then.
    #[must_use]
    pub fn end_after(mut self, sent: usize) -> Passed {
        self.sent.store(sent, Ordering::SeqCst);
        self.join().expect("it is joined once")
    }

    fn join(&mut self) -> Option<Passed> {
        self.stop = None; // closes it
        let thread = self.thread.take()?;
        Some(
            thread
                .join()
                .expect("the thread only polls, takes and sends"),
        )
    }
}

/// `of 12 datagrams 4 were lost, 1 came twice, 2 out of order`
impl fmt::Display for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Passed {
            taken,
            lost,
            repeated,
            reordered,
        } = self;
        write!(
            f,
            "Of {taken} datagrams {lost} were lost, {repeated} came twice, {reordered} out of order"
        )
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.join();
    }
}

/// A client, a server, and a link between them: the client is connected to the link.
///
/// # Errors
/// As for [`Link::between`] and connect.
pub fn connected(faults: Faults, seed: u64) -> io::Result<(UdpSocket, UdpSocket, Link)> {
    let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let link = Link::between(server.local_addr()?, faults, seed)?;
    client.connect(link.addr())?;
    Ok((client, server, link))
}

/// The datagrams that stand in a socket's receive buffer now, which it does not wait for. What was
/// sent a moment ago may not be among them.
///
/// # Errors
/// The kernel's, of recv: a datagram that was sent from here was refused.
pub fn arrived(socket: &UdpSocket) -> io::Result<Vec<Vec<u8>>> {
    socket.set_nonblocking(true)?;
    let (mut buf, mut arrived) = (vec![0; LONGEST], Vec::new());
    let ended = loop {
        match socket.recv(&mut buf) {
            Ok(n) => arrived.push(buf[..n].to_vec()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => break Ok(arrived),
            Err(error) => break Err(error),
        }
    };
    socket.set_nonblocking(false).and(ended)
}

/// Takes this many datagrams from a socket, or those that arrive within five seconds; and what
/// stands in its receive buffer besides.
///
/// # Errors
/// As for [`arrived`].
pub fn all_arrived(socket: &UdpSocket, count: usize) -> io::Result<Vec<Vec<u8>>> {
    let mut all = Vec::new();
    let look = || {
        all.extend(arrived(socket)?);
        Ok((all.len() >= count).then_some(()))
    };
    Deadline::after(PATIENCE).wait_for(look)?;
    Ok(all)
}

/// A socket that never blocks, of this address's family.
fn loopback(family: SocketAddr) -> io::Result<UdpSocket> {
    let socket = match family.is_ipv4() {
        true => UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?,
        false => UdpSocket::bind((Ipv6Addr::LOCALHOST, 0))?,
    };
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// The sockets of a link, in the hands of its thread.
struct Wires {
    /// Those that the client sends to, each with where that goes. The
    /// first is the one it begins with.
    near: Vec<(UdpSocket, SocketAddr)>,
    /// The one that sends to the server.
    far: UdpSocket,
    client: Option<SocketAddr>,
    forth: Direction,
    back: Direction,
    passed: Passed,
}

impl Wires {
    /// Passes on what comes until the link ends, and then until it has taken what was sent.
    fn relay(mut self, stopped: &UnixStream, sent: &AtomicUsize) -> Passed {
        let mut buf = vec![0; LONGEST];
        let mut ends: Option<Deadline> = None;
        loop {
            let held = self.forth.held.is_some() || self.back.held.is_some();
            let timeout = match held || ends.is_some() {
                true => PollTimeout::from(HELD),
                false => PollTimeout::NONE,
            };
            let near = self.near.iter().map(|(socket, _)| socket.as_fd());
            let stop = ends.is_none().then(|| stopped.as_fd());
            let sockets = near.chain([self.far.as_fd()]).chain(stop);
            let mut polled: Vec<_> = sockets
                .map(|socket| PollFd::new(socket, PollFlags::POLLIN))
                .collect();
            let quiet = poll(&mut polled, timeout) == Ok(0);
            let stops = stop.is_some() && polled.last().is_some_and(|it| it.any() == Some(true));
            self.take_all(&mut buf);
            if stops {
                ends = Some(Deadline::after(PATIENCE));
            }
            let has_all = self.passed.taken >= sent.load(Ordering::SeqCst);
            let is_over = ends.is_some_and(|ends| has_all || ends.passed());
            if quiet || is_over {
                self.forth.let_go();
                self.back.let_go();
            }
            if is_over {
                return self.passed;
            }
        }
    }

    /// Takes what stands in the sockets' receive buffers. An error is a datagram's that could not
    /// be delivered (RFC 1122, 4.1.3.3), and no reason to end: the link has lost it, like a cable.
    fn take_all(&mut self, buf: &mut [u8]) {
        for i in 0..self.near.len() {
            while let Ok((n, from)) = self.near[i].0.recv_from(buf) {
                self.client = Some(from);
                let (out, to) = (&self.far, self.near[i].1);
                self.forth.pass(&buf[..n], out, to, &mut self.passed);
            }
        }
        while let Ok((n, from)) = self.far.recv_from(buf) {
            if let (Some(client), Ok(i)) = (self.client, self.near_for(from)) {
                let out = &self.near[i].0;
                self.back.pass(&buf[..n], out, client, &mut self.passed);
            }
        }
    }

    /// Which near socket stands for an address at the far end.
    fn near_for(&mut self, far: SocketAddr) -> io::Result<usize> {
        if let Some(i) = self.near.iter().position(|(_, to)| *to == far) {
            return Ok(i);
        }
        if self.near.len() == PORTS {
            return Err(ErrorKind::QuotaExceeded.into());
        }
        self.near.push((loopback(far)?, far));
        Ok(self.near.len() - 1)
    }
}

#[cfg(test)]
mod tests;
