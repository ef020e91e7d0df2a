//! Errors for people: what was attempted, on what, and the cause, in that order and on one line.
//!
//! There is no error enum: a caller who must branch asks for the [`io::ErrorKind`], which is kept.

use std::{error::Error, fmt, fs, io, io::ErrorKind, net::SocketAddr};

use crate::table::Protocol;

/// Says what was being attempted when a call failed.
pub trait Attempt<T> {
    /// Puts `what` in front of the error, as in `cannot listen on 127.0.0.1:80: permission denied`.
    ///
    /// # Errors
    /// The same failure, of the same kind.
    fn attempt(self, what: impl FnOnce() -> String) -> io::Result<T>;

    /// As [`Attempt::attempt`], for socket, bind and listen: adds the address, and what to do.
    ///
    /// # Errors
    /// The same failure, of the same kind.
    fn attempt_to_listen(self, on: SocketAddr, protocol: Protocol) -> io::Result<T>;

    /// As [`Attempt::attempt`], for connect: adds the peer, and what to do.
    ///
    /// # Errors
    /// The same failure, of the same kind.
    fn attempt_to_dial(self, peer: impl fmt::Display) -> io::Result<T>;
}

impl<T> Attempt<T> for io::Result<T> {
    fn attempt(self, what: impl FnOnce() -> String) -> io::Result<T> {
        self.map_err(|cause| Fault::of(cause, what(), None))
    }

    fn attempt_to_listen(self, on: SocketAddr, protocol: Protocol) -> io::Result<T> {
        self.map_err(|cause| {
            let advice = for_a_bind(cause.kind(), on, protocol);
            Fault::of(cause, format!("cannot listen on {on}"), advice)
        })
    }

    fn attempt_to_dial(self, peer: impl fmt::Display) -> io::Result<T> {
        self.map_err(|cause| {
            let advice = for_a_connect(cause.kind()).map(str::to_owned);
            Fault::of(cause, format!("cannot dial {peer}"), advice)
        })
    }
}

#[derive(Debug)]
struct Fault {
    what: String,
    cause: io::Error,
    /// Set only where the attempted call is known: an [`ErrorKind`] alone does not justify advice.
    advice: Option<String>,
}

impl Fault {
    fn of(cause: io::Error, what: String, advice: Option<String>) -> io::Error {
        let fault = Fault {
            what,
            cause,
            advice,
        };
        io::Error::new(fault.cause.kind(), fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.cause)
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}

/// What a person can do about this failure, where that is certain.
#[must_use]
pub fn advice(error: &io::Error) -> Option<&str> {
    let fault = error.get_ref()?.downcast_ref::<Fault>()?;
    fault.advice.as_deref().or_else(|| advice(&fault.cause))
}

fn for_a_bind(kind: ErrorKind, addr: SocketAddr, protocol: Protocol) -> Option<String> {
    let port = addr.port();
    match kind {
        // Port 0 in use means that no port is free: there is no single row to show.
        ErrorKind::AddrInUse if port > 0 => {
            let table = match protocol {
                Protocol::Tcp => "-tanp",
                Protocol::Udp => "-uanp",
            };
            Some(format!(
                "`ss {table} 'sport = :{port}'` shows what holds it; choose another port, or 0 for \
                 a free one"
            ))
        }
        ErrorKind::AddrNotAvailable => Some(format!(
            "no interface here has the address {}: `ip addr` lists those that do",
            addr.ip()
        )),
        ErrorKind::PermissionDenied if (1..unprivileged_ports()).contains(&port) => Some(format!(
            "ports below {} need privileges: take a higher one",
            unprivileged_ports()
        )),
        _ => None,
    }
}

/// The first port that needs no privileges (ip_unprivileged_port_start, ip-sysctl.rst).
fn unprivileged_ports() -> u16 {
    let first = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    let first = first.ok().and_then(|first| first.trim().parse().ok());
    first.unwrap_or(1024)
}

fn for_a_connect(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        // An RST; or an ICMP message, which a firewall sends.
        ErrorKind::ConnectionRefused => Some(
            "no server listens there, or a firewall refuses: start the server first, or check the \
             port",
        ),
        ErrorKind::TimedOut => Some("nothing answered: check the address, or give it longer"),
        _ => None,
    }
}

/// What a call returned, in a word for a table: `Ok(4)`, or the kind of its error, `BrokenPipe`.
pub fn outcome<T: fmt::Debug>(result: io::Result<T>) -> String {
    match result {
        Ok(value) => format!("Ok({value:?})"),
        Err(error) => format!("{:?}", error.kind()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Attempt, advice, outcome, unprivileged_ports};
    use crate::table::Protocol;
    use std::{error::Error, io};

    fn failed(errno: i32) -> io::Result<()> {
        Err(io::Error::from_raw_os_error(errno))
    }

    const EACCES: i32 = 13;
    const EADDRINUSE: i32 = 98;
    const EADDRNOTAVAIL: i32 = 99;
    const ETIMEDOUT: i32 = 110;
    const ECONNREFUSED: i32 = 111;

    fn to_listen(on: &str, protocol: Protocol, errno: i32) -> Option<String> {
        let listening = failed(errno).attempt_to_listen(on.parse().unwrap(), protocol);
        advice(&listening.unwrap_err()).map(str::to_owned)
    }

    #[test]
    fn says_what_was_attempted_and_keeps_kind_and_cause() {
        let error = failed(ECONNREFUSED)
            .attempt_to_dial("127.0.0.1:1")
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot dial 127.0.0.1:1: Connection refused (os error 111)"
        );
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert!(error.get_ref().and_then(Error::source).is_some());
    }

    #[test]
    fn an_error_whose_attempt_is_not_known_has_no_advice() {
        for errno in [EACCES, EADDRINUSE, EADDRNOTAVAIL, ETIMEDOUT, ECONNREFUSED] {
            assert_eq!(advice(&failed(errno).unwrap_err()), None);
            let error = failed(errno).attempt(|| "cannot attach a filter".to_owned());
            assert_eq!(advice(&error.unwrap_err()), None);
        }
    }

    #[test]
    fn a_port_in_use_is_named_in_the_command_that_shows_who_has_it() {
        let tcp = to_listen("127.0.0.1:8330", Protocol::Tcp, EADDRINUSE).unwrap();
        assert!(tcp.contains("`ss -tanp 'sport = :8330'`"), "{tcp}");
        let udp = to_listen("[::]:69", Protocol::Udp, EADDRINUSE).unwrap();
        assert!(udp.contains("`ss -uanp 'sport = :69'`"), "{udp}");
        assert_eq!(to_listen("127.0.0.1:0", Protocol::Tcp, EADDRINUSE), None);
    }

    #[test]
    fn privileges_are_advised_for_a_port_that_needs_them_and_no_other() {
        let first = unprivileged_ports();
        if let Some(last) = first.checked_sub(1).filter(|last| *last > 0) {
            let refused = to_listen(&format!("127.0.0.1:{last}"), Protocol::Tcp, EACCES);
            assert!(refused.unwrap().contains("need privileges"));
        }
        for port in [0, first] {
            let refused = to_listen(&format!("127.0.0.1:{port}"), Protocol::Tcp, EACCES);
            assert_eq!(refused, None, "port {port}");
        }
    }

    #[test]
    fn an_address_that_is_not_ours_is_named() {
        let advice = to_listen("192.0.2.1:8330", Protocol::Tcp, EADDRNOTAVAIL).unwrap();
        assert!(advice.contains("192.0.2.1"), "{advice}");
        // Of a connect the same error means that no local port is left.
        let dialed = failed(EADDRNOTAVAIL).attempt_to_dial("192.0.2.1:80");
        assert_eq!(super::advice(&dialed.unwrap_err()), None);
    }

    #[test]
    fn advice_is_found_below_what_was_attempted_around_it() {
        let error = failed(ETIMEDOUT)
            .attempt_to_dial("192.0.2.1:80")
            .attempt(|| "cannot send the file".to_owned())
            .unwrap_err();
        assert!(advice(&error).unwrap().starts_with("nothing answered"));
    }

    #[test]
    fn an_outcome_is_a_value_or_the_kind_of_an_error() {
        assert_eq!(outcome(Ok(4)), "Ok(4)");
        let error = io::Error::from_raw_os_error(32);
        assert_eq!(outcome::<usize>(Err(error)), "BrokenPipe");
    }
}
