//! Checks of `listen`: the socket that it returns, as the kernel shows it.

use std::{
    fs,
    io::{self, ErrorKind},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
};

use socket_workshop::table::{End, Row, State};
use socket2::SockRef;

use super::{
    Functions, Listen, options, rows_become,
    server::{listen_once, listening},
};

use crate::checks::returned::{self, LOOPBACK};
use crate::exam::{Because, CheckError, Exam, Seen, Verdict, descriptors, or_skip};

pub(super) fn listens_on_the_given_address(exam: &Exam, (listen, _): Functions) -> Verdict {
    let ips: [IpAddr; 5] = [
        Ipv4Addr::LOCALHOST.into(),
        Ipv4Addr::new(127, 0, 0, 2).into(), // all of 127/8 is loopback on Linux
        Ipv6Addr::LOCALHOST.into(),
        Ipv4Addr::UNSPECIFIED.into(), // every address of the machine, of one family
        Ipv6Addr::UNSPECIFIED.into(),
    ];
    for ip in ips {
        listens_on(exam, listen, SocketAddr::new(ip, 0))?;
        listens_on_a_port(exam, listen, ip)?;
    }
    for ip in FOREIGN {
        does_not_listen_elsewhere(exam, listen, SocketAddr::new(ip, 0))?;
    }
    Ok(())
}

/// Another program may take a port between two calls, but not three times.
const TRIES: usize = 3;

/// A port that is free, by its number.
fn listens_on_a_port(exam: &Exam, listen: Listen, ip: IpAddr) -> Verdict {
    let mut verdict = Ok(());
    for _ in 0..TRIES {
        let free = or_skip(&format!("listen on {ip}"), TcpListener::bind((ip, 0)))?;
        let addr = or_skip("read its address", free.local_addr())?;
        drop(free);
        verdict = listens_on(exam, listen, addr);
        if verdict.is_ok() || TcpListener::bind(addr).is_ok() {
            break;
        }
    }
    verdict
}

/// Addresses of documentation (RFC 5737, RFC 3849), which no machine has.
const FOREIGN: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
];

/// `listen` fails where nobody can listen on the address.
fn does_not_listen_elsewhere(exam: &Exam, listen: Listen, addr: SocketAddr) -> Verdict {
    if TcpListener::bind(addr).is_ok() {
        return Ok(()); // the machine is set to allow it (net.ipv4.ip_nonlocal_bind)
    }
    exam.step(format!(
        "asked for a listener on {addr}, which is not an address of this machine"
    ));
    let Ok(listener) = listen_once(exam, listen, addr, 8)? else {
        return Ok(());
    };
    exam.watches(&listener);
    let local = or_skip("read its address", listener.local_addr())?;
    exam.fail(
        "`listen` to return an error: nobody can listen on that address here",
        format!("a listener on {local}"),
    )
    .caused_by(
        "`bind` refuses the address, and your code listens on another one instead, which \
         nobody has asked for. Return the error of `bind`.",
    )
}

fn listens_on(exam: &Exam, listen: Listen, addr: SocketAddr) -> Verdict {
    let listener = listening(exam, listen, addr, 8)?;
    let local = or_skip("read its address", listener.local_addr())?;
    returned::is_at(exam, local, addr)?;
    let table = exam.table()?;
    let row = table.find(End::listener(local));
    exam.must(
        row.is_some(),
        format!("a row for {local}, in LISTEN"),
        "there is none",
    )
    .caused_by(
        "`bind` has given the socket its address, but it does not listen: the kernel answers no \
         SYN before `listen` is called.",
    )
}

pub(super) fn asks_for_the_given_backlog(exam: &Exam, (listen, _): Functions) -> Verdict {
    for asked in [7, 1000, 0, 1, 4096] {
        let listener = listening(exam, listen, LOOPBACK, asked)?;
        let end = or_skip("read its address", End::of(&listener))?;
        let table = exam.table()?;
        let Some(backlog) = table.find(end).map(|row| row.backlog) else {
            return exam.fail(format!("a row for {end}, in LISTEN"), "there is none");
        };
        let backlog = backlog.ok_or_else(|| CheckError::skipped("/proc/net/tcp has no backlog"))?;
        let granted = somaxconn()?.min(asked.unsigned_abs());
        let expected = match asked.unsigned_abs() == granted {
            true => format!("a backlog of {granted}"),
            false => format!("a backlog of {granted}, which is net.core.somaxconn"),
        };
        exam.must(
            backlog == granted,
            expected,
            format!("the kernel shows {backlog}"),
        )
        .caused_by(match backlog {
            128 if asked < 128 => {
                "128 is what `TcpListener::bind` asks for, and std has no way to ask for another. \
                 With socket2, `listen` is a call of its own, which takes the backlog."
            }
            _ => {
                "Your code asks for another backlog than its argument. Pass on the argument \
                 unchanged: the kernel itself cuts it to net.core.somaxconn."
            }
        })?;
    }
    Ok(())
}

/// The longest backlog that the kernel grants (listen(2)).
fn somaxconn() -> Verdict<u32> {
    let text = fs::read_to_string("/proc/sys/net/core/somaxconn");
    let parsed = text.and_then(|text| text.trim().parse().map_err(io::Error::other));
    or_skip("read net.core.somaxconn", parsed)
}

pub(super) fn refuses_an_address_in_use(exam: &Exam, (listen, _): Functions) -> Verdict {
    let first = listening(exam, listen, LOOPBACK, 8)?;
    let addr = or_skip("read its address", first.local_addr())?;
    exam.step(format!(
        "asked for another listener on {addr}, which is in use"
    ));
    let expected = "`listen` to return an error of kind AddrInUse";
    match listen_once(exam, listen, addr, 8)? {
        Err(error) if error.kind() == ErrorKind::AddrInUse => Ok(()),
        Err(error) => exam
            .fail(expected, format!("{error} ({:?})", error.kind()))
            .caused_by(
                "Return the error of `bind` unchanged: the caller looks at its kind to decide what \
                 to do.",
            ),
        Ok(second) => {
            exam.watches(&second);
            exam.fail(expected, "a second listener").because(|case| {
                let sockets = case.evidence.sockets.iter();
                let there = |seen: &&Seen| seen.row.end() == End::listener(addr);
                let cause = if sockets.filter(there).count() > 1 {
                    "Two sockets in LISTEN share one address: your code sets SO_REUSEPORT. The \
                     kernel spreads the clients over both, so each server misses some. Set \
                     SO_REUSEADDR instead: it ignores TIME_WAIT only."
                } else if second.local_addr().is_ok_and(|second| second != addr) {
                    "The second listener is on another address, where no client looks for it. \
                     Return the error of `bind`."
                } else {
                    return None;
                };
                Some(cause.to_owned())
            })
        }
    }
}

pub(super) fn closes_its_socket_when_bind_fails(exam: &Exam, (listen, _): Functions) -> Verdict {
    let first = listening(exam, listen, LOOPBACK, 8)?;
    let addr = or_skip("read its address", first.local_addr())?;
    let before = descriptors()?;
    for _ in 0..3 {
        let again = listen_once(exam, listen, addr, 8)?;
        let expected = "`listen` to return an error: the address is in use";
        exam.must(again.is_err(), expected, "it has returned Ok")
            .caused_by("Return the error of `bind`.")?;
    }
    exam.step(format!(
        "called your `listen` three times for {addr}, which is in use"
    ));
    options::no_descriptor_is_left(exam, before)
}

pub(super) fn sets_no_other_option(exam: &Exam, (listen, _): Functions) -> Verdict {
    let listener = listening(exam, listen, LOOPBACK, 8)?;
    options::blocks(exam, &listener)?;
    options::has_no_timeout(exam, &listener)
}

/// The end that closes first gets TIME_WAIT: here the server, as at each restart.
pub(super) fn takes_its_address_back(exam: &Exam, (listen, _): Functions) -> Verdict {
    let listener = listening(exam, listen, LOOPBACK, 8)?;
    let addr = or_skip("read its address", listener.local_addr())?;
    let is_set = or_skip(
        "read SO_REUSEADDR",
        SockRef::from(&listener).reuse_address(),
    )?;
    let client = exam.dial(addr)?;
    drop(or_skip("accept", listener.accept())?);
    client.ends()?;
    client.close();
    drop(listener);
    let in_time_wait = |row: &Row| row.local.port() == addr.port() && row.state == State::TimeWait;
    if !rows_become(exam, |rows| rows.iter().any(in_time_wait))? {
        return Err(CheckError::skipped(
            "no TIME_WAIT is left by a connection here",
        ));
    }
    exam.step(format!(
        "closed the listener; its connection on {addr} is in TIME_WAIT"
    ));
    let again = listen_once(exam, listen, addr, 8)?;
    let error = match again {
        Err(error) => error,
        Ok(listener) => {
            let local = or_skip("read its address", listener.local_addr())?;
            return exam
                .must(
                    local == addr,
                    format!("a listener on {addr} again"),
                    format!("it is on {local}"),
                )
                .caused_by(
                    "Your code binds another address when the first is in use, where no \
                     client looks for it. Set SO_REUSEADDR before `bind`, and bind the address \
                     that you are given.",
                );
        }
    };
    let seen = format!("{error} ({:?})", error.kind());
    exam.fail(
        format!("`listen` to return a listener on {addr} again"),
        seen,
    )
    .because(|_| {
        let cause = match is_set {
            _ if error.kind() != ErrorKind::AddrInUse => return None,
            true => {
                "Your code sets SO_REUSEADDR, but too late: `bind` is what reads it. Set it before \
                 `bind`."
            }
            false => {
                "A connection in TIME_WAIT keeps the address for a minute, unless SO_REUSEADDR was \
                 set before `bind`: on the socket that left it, and on the new one. Your first \
                 listener did not have it."
            }
        };
        Some(cause.to_owned())
    })
}
