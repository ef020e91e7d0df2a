//! A connection to the first of several addresses that answers, by one deadline. Lesson `dialer`
//! shows why each part of it is there.

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream, ToSocketAddrs},
};

use crate::{deadline::Deadline, fault::Attempt};

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

/// Dials the addresses in turn. Each may take an equal share of the time that remains, so that a
/// silent one leaves some for those after it.
///
/// # Errors
/// No address answered in time. The message says what each did; the kind is that of the last.
pub fn dial(addrs: &[SocketAddr], deadline: Deadline) -> io::Result<TcpStream> {
    let mut earlier = String::new();
    let mut outcome = Err(io::Error::new(ErrorKind::InvalidInput, "no address"));
    for (i, addr) in addrs.iter().enumerate() {
        let left = (addrs.len() - i) as u32;
        if let Err(error) = &outcome
            && i > 0
        {
            earlier += &format!("{}: {error}; ", addrs[i - 1]);
        }
        outcome = deadline
            .remaining()
            .and_then(|remaining| TcpStream::connect_timeout(addr, share(remaining, left)));
        if outcome.is_ok() {
            break;
        }
    }
    let last = addrs.last().map_or_else(String::new, SocketAddr::to_string);
    outcome.attempt_to_dial(earlier + &last)
}

/// At least a nanosecond: zero would be refused.
fn share(remaining: std::time::Duration, of: u32) -> std::time::Duration {
    (remaining / of).max(std::time::Duration::from_nanos(1))
}

#[cfg(test)]
mod tests {
    use super::{Deadline, dial, resolve};
    use crate::peer::{bound, silent};
    use std::{
        io::ErrorKind,
        net::TcpListener,
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
        assert!(started.elapsed() >= Duration::from_secs(1));
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
        assert!(dial(&[], Deadline::after(Duration::from_secs(1))).is_err());
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
