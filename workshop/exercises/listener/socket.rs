//! Checks of `listen`: the socket that it returns, as the kernel shows it.

use std::{
    fs,
    io::{self, ErrorKind},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
};

use socket_workshop::table::{End, Row, State};
use socket2::SockRef;

use super::{
    Answer, rows_become,
    server::{LOOPBACK, listen_once, listening},
};

use crate::exam::{Because, Exam, Seen, Unmet, Verdict, here};

pub(super) fn listens_on_the_address_it_was_given(exam: &Exam, (listen, _): Answer) -> Verdict {
    for ip in [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()] {
        let addr = SocketAddr::new(ip, 0);
        here(&format!("listen on {addr}"), TcpListener::bind(addr))?;
        let listener = listening(exam, listen, addr, 8)?;
        let local = here("read its address", listener.local_addr())?;
        let expected = format!("a listener on {ip}");
        exam.must(local.ip() == ip, expected, format!("it is on {local}"))
            .caused_by(
                "The caller says where to listen, `bind` takes exactly that: `&addr.into()`.",
            )?;
        let table = exam.table()?;
        let row = table.find(End::listener(local));
        exam.must(
            row.is_some(),
            format!("a row for {local}, in LISTEN"),
            "there is none",
        )
        .caused_by(
            "The socket has its address, from `bind`, but it does not listen: no SYN is answered \
                 before `listen` is called.",
        )?;
    }
    Ok(())
}

pub(super) fn has_the_backlog_that_was_asked_for(exam: &Exam, (listen, _): Answer) -> Verdict {
    for asked in [7, 1000] {
        let listener = listening(exam, listen, LOOPBACK, asked)?;
        let end = here("read its address", End::of(&listener))?;
        let table = exam.table()?;
        let Some(backlog) = table.find(end).map(|row| row.backlog) else {
            return exam.fail(format!("a row for {end}, in LISTEN"), "there is none");
        };
        let backlog = backlog.ok_or_else(|| Unmet::not_here("/proc/net/tcp has no backlog"))?;
        let granted = somaxconn()?.min(asked.unsigned_abs());
        exam.must(
            backlog == granted,
            format!("a backlog of {granted}"),
            format!("the kernel says {backlog}"),
        )
        .caused_by(match backlog {
            128 if asked < 128 => {
                "128 is what `TcpListener::bind` asks for, and std has no way to ask for another. With \
                 socket2 `listen` is a call of its own, which takes the backlog."
            }
            _ => {
                "The backlog is what `listen` was called with, or net.core.somaxconn if that is less: pass \
                 on the argument."
            }
        })?;
    }
    Ok(())
}

/// The longest backlog that the kernel grants (listen(2)).
fn somaxconn() -> Verdict<u32> {
    let text = fs::read_to_string("/proc/sys/net/core/somaxconn");
    let parsed = text.and_then(|text| text.trim().parse().map_err(io::Error::other));
    here("read net.core.somaxconn", parsed)
}

pub(super) fn refuses_an_address_in_use(exam: &Exam, (listen, _): Answer) -> Verdict {
    let first = listening(exam, listen, LOOPBACK, 8)?;
    let addr = here("read its address", first.local_addr())?;
    exam.step(format!(
        "asked for another listener on {addr}, which is in use"
    ));
    let expected = "`listen` to return an error of kind AddrInUse";
    match listen_once(exam, listen, addr, 8)? {
        Err(error) if error.kind() == ErrorKind::AddrInUse => Ok(()),
        Err(error) => exam
            .fail(expected, format!("{error} ({:?})", error.kind()))
            .caused_by(
                "Return the error of `bind` as it is: its kind tells the caller what to do.",
            ),
        Ok(second) => {
            exam.watches(&second);
            exam.fail(expected, "a second listener").because(|case| {
                let sockets = case.evidence.sockets.iter();
                let there = |seen: &&Seen| seen.row.end() == End::listener(addr);
                let cause = if sockets.filter(there).count() > 1 {
                    "Two sockets in LISTEN share one address: that is SO_REUSEPORT. The kernel spreads \
                     the clients over both, and each server misses some. SO_REUSEADDR is another \
                     option: it forgives TIME_WAIT only."
                } else if second.local_addr().is_ok_and(|second| second != addr) {
                    "The second listener is on another address, where no client looks for it. Return \
                     the error of `bind`."
                } else {
                    return None;
                };
                Some(cause.to_owned())
            })
        }
    }
}

/// Whoever closes first has the TIME_WAIT: here the server, as at each restart.
pub(super) fn takes_its_address_back(exam: &Exam, (listen, _): Answer) -> Verdict {
    let listener = listening(exam, listen, LOOPBACK, 8)?;
    let addr = here("read its address", listener.local_addr())?;
    let is_set = here(
        "read SO_REUSEADDR",
        SockRef::from(&listener).reuse_address(),
    )?;
    let client = exam.dial(addr)?;
    drop(here("accept", listener.accept())?);
    client.ends()?;
    client.close();
    drop(listener);
    let in_time_wait = |row: &Row| row.local.port() == addr.port() && row.state == State::TimeWait;
    if !rows_become(exam, |rows| rows.iter().any(in_time_wait))? {
        return Err(Unmet::not_here("no TIME_WAIT is left by a connection here"));
    }
    exam.step(format!(
        "closed the listener; its connection on {addr} is in TIME_WAIT"
    ));
    let again = listen_once(exam, listen, addr, 8)?;
    let Err(error) = again else { return Ok(()) };
    let seen = format!("{error} ({:?})", error.kind());
    exam.fail(
        format!("`listen` to return a listener on {addr} again"),
        seen,
    )
    .because(|_| {
        let cause = match is_set {
            _ if error.kind() != ErrorKind::AddrInUse => return None,
            true => {
                "SO_REUSEADDR is set on your listeners, but too late: `bind` is what reads it. Set \
                     it before."
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
