//! A connection to the first of several addresses that answers, by one deadline. Lesson `dialer`
//! shows why: addresses that refuse or are silent, and what a lost SYN costs.

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream, ToSocketAddrs},
    os::fd::AsFd,
    time::Duration,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use socket2::{Domain, Socket, Type};

use crate::{deadline::Deadline, fault::Attempt, peer::begin_to_connect};

/// The addresses of `HOST:PORT` or `[IPV6]:PORT`, in the order the resolver prefers.
///
/// The resolver is the system's, and takes as long as it likes: no deadline reaches into it.
///
/// # Errors
/// The text is not an address with a port, or the name is not known.
pub fn resolve(host: &str) -> io::Result<Vec<SocketAddr>> {
    let addrs: Vec<SocketAddr> = host
        .to_socket_addrs()
        .attempt(|| format!("cannot resolve `{host}` as HOST:PORT"))?
        .collect();
    if addrs.is_empty() {
        let none = io::Error::new(ErrorKind::NotFound, "the name has no address");
        return Err(none).attempt(|| format!("cannot resolve `{host}` as HOST:PORT"));
    }
    Ok(addrs)
}

/// How long an address is waited for before the next one is dialed too (RFC 8305, section 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Dials the addresses in their order, and returns the first connection. The attempts overlap
/// (RFC 8305): while the next address is dialed, an address that has not answered yet still may,
/// until the deadline.
///
/// With a share of the time for each address instead, a share below 1 s would lose an address to
/// one lost SYN: the kernel sends a SYN again after 1 s (RFC 6298, section 2).
///
/// # Errors
/// No address answered in time. The message says what each did; the kind is that of the last.
pub fn dial(addrs: &[SocketAddr], deadline: Deadline) -> io::Result<TcpStream> {
    let mut dialed = Dialed::default();
    for (i, addr) in addrs.iter().enumerate() {
        let Ok(remaining) = deadline.remaining() else {
            break;
        };
        dialed.begin(*addr);
        // Where the deadline is short, a share of it is shorter: each address is dialed.
        let share = remaining / (addrs.len() - i) as u32;
        if let Some(stream) = dialed.next_end(Deadline::after(share.min(ATTEMPT_DELAY)))? {
            return Ok(stream);
        }
    }
    while !dialed.under_way.is_empty() && !deadline.passed() {
        if let Some(stream) = dialed.next_end(deadline)? {
            return Ok(stream);
        }
    }
    dialed.fail(addrs)
}

/// The addresses that have been dialed.
#[derive(Default)]
struct Dialed {
    under_way: Vec<(SocketAddr, TcpStream)>,
    failed: Vec<(SocketAddr, io::Error)>,
}

impl Dialed {
    fn begin(&mut self, addr: SocketAddr) {
        match dialing(addr) {
            Ok(stream) => self.under_way.push((addr, stream)),
            Err(error) => self.failed.push((addr, error)),
        }
    }

    /// Waits until an attempt ends. `None` if it has failed, or if none has ended in time.
    fn next_end(&mut self, until: Deadline) -> io::Result<Option<TcpStream>> {
        let Some((ended, events)) = self.wait(until)? else {
            return Ok(None);
        };
        let (addr, stream) = self.under_way.remove(ended);
        if events != PollFlags::POLLOUT
            && let Some(error) = stream.take_error()?
        {
            self.failed.push((addr, error));
            return Ok(None);
        }
        stream.set_nonblocking(false)?;
        Ok(Some(stream))
    }

    /// Waits for an attempt to end, and returns its position and what poll reports of it: POLLOUT
    /// alone is success, and with POLLERR or POLLHUP it may be a failure, which SO_ERROR names
    /// (connect(2), EINPROGRESS).
    fn wait(&self, until: Deadline) -> io::Result<Option<(usize, PollFlags)>> {
        let mut ends: Vec<PollFd<'_>> = self
            .under_way
            .iter()
            .map(|(_, stream)| PollFd::new(stream.as_fd(), PollFlags::POLLOUT))
            .collect();
        while let Ok(remaining) = until.remaining() {
            // Rounded up, because poll counts in milliseconds.
            let remaining = remaining.saturating_add(Duration::from_micros(999));
            let limit = PollTimeout::try_from(remaining).unwrap_or(PollTimeout::MAX);
            match poll(&mut ends, limit) {
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => {
                    let events = ends
                        .iter()
                        .map(|end| end.revents().unwrap_or(PollFlags::all()));
                    let mut ended = events.enumerate().filter(|(_, events)| !events.is_empty());
                    return Ok(ended.next());
                }
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(None)
    }

    /// No address has answered: what each did, in their order.
    fn fail(self, addrs: &[SocketAddr]) -> io::Result<TcpStream> {
        let mut failed = self.failed;
        for (addr, _) in self.under_way {
            let silent = io::Error::new(ErrorKind::TimedOut, "connection timed out");
            failed.push((addr, silent));
        }
        for addr in addrs {
            if !failed.iter().any(|(dialed, _)| dialed == addr) {
                failed.push((
                    *addr,
                    io::Error::new(ErrorKind::TimedOut, "not dialed in time"),
                ));
            }
        }
        failed.sort_by_key(|(dialed, _)| addrs.iter().rposition(|addr| addr == dialed));
        let Some((last, error)) = failed.pop() else {
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                "no address to dial",
            ));
        };
        let earlier = failed
            .iter()
            .map(|(addr, error)| format!("{addr}: {error}; "));
        let peers = earlier.collect::<String>() + &last.to_string();
        Err(error).attempt_to_dial(peers)
    }
}

/// A socket whose SYN is sent.
fn dialing(addr: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    begin_to_connect(&socket, addr)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::{Deadline, dial, resolve};
    use crate::{
        peer::{bound, silent},
        table::{End, Kernel},
    };
    use socket2::SockRef;
    use std::{
        io::ErrorKind,
        net::TcpListener,
        thread,
        time::{Duration, Instant},
    };

    #[test]
    fn goes_on_to_the_next_address_after_a_refusal() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let (_bound, refused) = bound([127, 0, 0, 1]).unwrap();
        let stream = dial(&[refused, addr], Deadline::after(Duration::from_secs(5))).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addr);
    }

    #[test]
    fn a_silent_address_does_not_starve_the_one_after_it() {
        let (full, _queued) = silent().unwrap();
        let silent = full.local_addr().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let started = Instant::now();
        let stream = dial(&[silent, addr], Deadline::after(Duration::from_secs(2))).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addr);
        assert!(started.elapsed() >= super::ATTEMPT_DELAY);
        assert!(!SockRef::from(&stream).nonblocking().unwrap());
    }

    /// The first address loses one SYN, and nine more are silent: a tenth of the time would be too
    /// short for the SYN that is sent again after 1 s.
    #[test]
    fn an_address_is_not_lost_with_one_syn() {
        let (full, queued) = silent().unwrap();
        let addr = full.local_addr().unwrap();
        let others: Vec<_> = (0..9).map(|_| silent().unwrap()).collect();
        let mut addrs = vec![addr];
        addrs.extend(others.iter().map(|(other, _)| other.local_addr().unwrap()));
        let dialing = thread::spawn(move || dial(&addrs, Deadline::after(Duration::from_secs(8))));
        let mut kernel = Kernel::sock_diag().unwrap();
        let listener = End::of(&full).unwrap();
        let lost = || {
            Ok(kernel
                .row(listener)?
                .filter(|row| row.drops >= Some(1))
                .map(drop))
        };
        let is_lost = Deadline::after(Duration::from_secs(5)).wait_for(lost);
        assert!(is_lost.unwrap().is_some());
        drop(full.accept().unwrap()); // now there is room
        let stream = dialing.join().unwrap().unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addr);
        drop(queued);
    }

    #[test]
    fn a_deadline_that_has_passed_dials_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let error = dial(&[addr], Deadline::after(Duration::ZERO)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        listener.set_nonblocking(true).unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    }

    #[test]
    fn tells_what_each_address_did() {
        let (full, _queued) = silent().unwrap();
        let silent = full.local_addr().unwrap();
        let (_bound, refused) = bound([127, 0, 0, 1]).unwrap();
        let error = dial(&[refused, silent], Deadline::after(Duration::from_secs(1))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let text = error.to_string();
        assert!(
            text.contains(&format!("{refused}: Connection refused")),
            "{text}"
        );
        assert!(
            text.contains(&format!("{silent}: connection timed out")),
            "{text}"
        );
    }

    #[test]
    fn no_address_at_all_is_an_error() {
        let error = dial(&[], Deadline::after(Duration::from_secs(1))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn resolves_literals_of_both_families_and_names_what_it_cannot() {
        assert_eq!(
            resolve("127.0.0.1:80").unwrap(),
            ["127.0.0.1:80".parse().unwrap()]
        );
        assert_eq!(resolve("[::1]:80").unwrap(), ["[::1]:80".parse().unwrap()]);
        assert!(
            resolve("::1")
                .unwrap_err()
                .to_string()
                .starts_with("cannot resolve `::1` as HOST:PORT: ")
        );
    }
}
