//! Checks of exercise 6: a restarted server takes its address back, and never from a live server.
//!
//! `old` plays the server that was there before, `harness` calls the answer, and `cause` says why
//! it did not get the address, or got it from a live server.

mod cause;
mod harness;
mod old;

use std::{
    fs,
    io::{self, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, TcpListener},
};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use socket_workshop::table::{End, State};
use socket2::SockRef;

use self::{
    harness::{
        a_client_of, fails_like_bind, listening, refused, refuses_a_mapped_address, taken, taken_at,
    },
    old::{Left, anywhere, clients, comes_to, ipv6, queued, server, sharing_server},
};
use super::{Exercise, listener::options};

use crate::exam::{
    Because, CheckError, Exam, Rule, Suite, Verdict, check, descriptors,
    diagnosis::LEAVES_A_THREAD, or_skip,
};

/// Exercise 6.
pub const EXERCISE: Exercise = Exercise {
    number: 6,
    name: "reuseaddr",
    task: "take a restarted server's address back, and never from a live server",
    hints: [
        "std's `TcpListener::bind` makes four calls in one: socket, setsockopt, bind, listen. With \
         `socket2::Socket` you make them yourself. Which of them reads the options, so that you \
         must set them before it?",
        "With SO_REUSEADDR, `bind` ignores old connections, but not a listener. SO_REUSEPORT \
         shares a port with a listener: do not set it. Set SO_REUSEADDR on every socket, because \
         connections inherit it and need it too; on an IPv6 socket also IPV6_V6ONLY. Set both \
         before bind, and return the error of bind.",
        "let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?; \
         socket.set_reuse_address(true)?; if addr.is_ipv6() { socket.set_only_v6(true)? } \
         socket.bind(&addr.into())?; socket.listen(4096)?; Ok(socket.into())",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 6 is held to.
pub const SUITE: Suite<Restart> = Suite {
    exercise: EXERCISE.name,
    rules: &[
        Rule::core(
            "Listen on exactly the given address, IPv4 or IPv6. Port 0 means any free port.",
            &[
                check("listens on the given address", listens_on_the_given_address),
                check("accepts clients", accepts_clients),
            ],
        ),
        Rule::core(
            "If old connections are in TIME_WAIT, take the address back.",
            &[check(
                "takes the address back from TIME_WAIT",
                takes_it_back_from_time_wait,
            )],
        ),
        Rule::core(
            "If old connections are still open, take the address back and leave the connections \
             alone.",
            &[check(
                "takes the address back while old connections are open",
                takes_it_back_while_connections_are_open,
            )],
        ),
        Rule::core(
            "Leave an address that the next start can take back: set SO_REUSEADDR every time.",
            &[check(
                "leaves an address that can be taken back again",
                can_be_taken_back_itself,
            )],
        ),
        Rule::core(
            "If another socket listens on the address, return AddrInUse immediately. Do not wait \
             for the address.",
            &[check(
                "returns AddrInUse while a server listens",
                returns_addr_in_use,
            )],
        ),
        Rule::hardened(
            "Return every error of `bind`, and keep its kind.",
            &[check(
                "returns the error of bind for an address it refuses",
                returns_the_error_of_bind,
            )],
        ),
        Rule::hardened(
            "Leave a live server alone: do not share its port (SO_REUSEPORT), and do not connect \
             to it.",
            &[
                check("leaves every client to a live server", leaves_every_client),
                check("does not connect to a live server", does_not_connect),
                check("does not set SO_REUSEPORT", does_not_set_reuse_port),
            ],
        ),
        Rule::hardened(
            "Ask for a backlog of at least 4096. The kernel cuts it to net.core.somaxconn.",
            &[check(
                "asks for a backlog of at least 4096",
                asks_for_a_backlog,
            )],
        ),
        Rule::hardened(
            "Return a blocking socket, and set no timeout and no SO_LINGER: connections would \
             inherit them.",
            &[
                check("returns a blocking socket", returns_a_blocking_socket),
                check("sets no timeout and no SO_LINGER", sets_no_timeout),
            ],
        ),
        Rule::hardened(
            "Set FD_CLOEXEC, so that programs which the server starts do not inherit the listener.",
            &[check("sets FD_CLOEXEC", sets_close_on_exec)],
        ),
        Rule::hardened(
            "Leave nothing else open: one descriptor after success, none after an error, and no \
             thread.",
            &[
                check("closes its socket after an error", closes_after_an_error),
                check("leaves one descriptor open", leaves_one_descriptor),
                check("leaves no thread", leaves_no_thread),
            ],
        ),
        Rule::hardened(
            "If the address is IPv6, let other sockets use the same port on IPv4 (IPV6_V6ONLY).",
            &[check(
                "leaves the port of IPv4 to others",
                leaves_ipv4_alone,
            )],
        ),
    ],
    cause: cause::diagnose,
};

/// The student's function.
pub type Restart = fn(SocketAddr) -> io::Result<TcpListener>;

/// The least backlog, unless the kernel cuts it.
const BACKLOG: u32 = 4096;

/// An address of one link.
const OF_A_LINK: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

/// The loopback interface's number on Linux: the first.
const LOOPBACK_LINK: u32 = 1;

/// Addresses that `bind` refuses: two of documentation (RFC 5737, RFC 3849), which no machine has;
/// and one of a link, which `bind` refuses with another error if no link is named (RFC 4007,
/// section 6).
fn foreign() -> [SocketAddr; 4] {
    [
        (Ipv4Addr::new(192, 0, 2, 1), 0).into(),
        (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 0).into(),
        (OF_A_LINK, 0).into(),
        SocketAddrV6::new(OF_A_LINK, 0, 0, LOOPBACK_LINK).into(),
    ]
}

fn listens_on_the_given_address(exam: &Exam, restart: Restart) -> Verdict {
    for addr in [Some(anywhere()), ipv6()].into_iter().flatten() {
        let free = server(exam, addr)?;
        let port = or_skip("read its address", free.local_addr())?.port();
        drop(free);
        taken_at(exam, restart, SocketAddr::new(addr.ip(), port))?;
        taken_at(exam, restart, addr)?;
        // Every address of the machine.
        taken_at(exam, restart, SocketAddr::new(unspecified(addr.ip()), 0))?;
    }
    // A listener of the same port, on another address.
    let other = server(exam, SocketAddr::from(([127, 0, 0, 3], 0)))?;
    let other_addr = or_skip("read its address", other.local_addr())?;
    exam.step(format!("a server listens at {other_addr}"));
    let addr = SocketAddr::new(anywhere().ip(), other_addr.port());
    taken_at(exam, restart, addr).map(drop)
}

fn unspecified(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

fn accepts_clients(exam: &Exam, restart: Restart) -> Verdict {
    let listener = taken(exam, restart, anywhere(), "on a free port")?;
    for word in ["hello", "hello again"] {
        let (client, mut server) = a_client_of(exam, &listener)?;
        or_skip("write to a client", server.write_all(word.as_bytes()))?;
        client.receives(word.as_bytes())?;
    }
    Ok(())
}

fn takes_it_back_from_time_wait(exam: &Exam, restart: Restart) -> Verdict {
    for addr in [Some(anywhere()), ipv6()].into_iter().flatten() {
        let old = Left::in_time_wait(exam, server(exam, addr)?)?;
        is_taken_back(exam, restart, &old)?;
    }
    Ok(())
}

fn takes_it_back_while_connections_are_open(exam: &Exam, restart: Restart) -> Verdict {
    for addr in [Some(anywhere()), ipv6()].into_iter().flatten() {
        let old = Left::alive(exam, server(exam, addr)?)?;
        is_taken_back(exam, restart, &old)?;
    }
    Ok(())
}

fn is_taken_back(exam: &Exam, restart: Restart, old: &Left) -> Verdict {
    let _listener = taken_at(exam, restart, old.addr)?;
    old.remains(exam)
}

fn can_be_taken_back_itself(exam: &Exam, restart: Restart) -> Verdict {
    let first = taken_at(exam, restart, anywhere())?;
    let addr = or_skip("read your listener's address", first.local_addr())?;
    let (client, server) = a_client_of(exam, &first)?;
    let end = or_skip("read its address", End::of(&server))?;
    // With SO_LINGER, which another rule forbids, no TIME_WAIT would be left.
    or_skip("set SO_LINGER", SockRef::from(&server).set_linger(None))?;
    drop(server);
    exam.step("closed the server's end first");
    client.ends()?;
    client.half_close()?;
    comes_to(exam, end, State::TimeWait)?;
    drop(first);
    exam.step(format!("dropped your listener; {end} is in TIME_WAIT"));
    taken_at(exam, restart, addr).map(drop)
}

fn returns_addr_in_use(exam: &Exam, restart: Restart) -> Verdict {
    for addr in [Some(anywhere()), ipv6()].into_iter().flatten() {
        let live = server(exam, addr)?;
        exam.step("a server listens, with SO_REUSEADDR");
        refused(exam, restart, &live)?;
    }
    Ok(())
}

fn returns_the_error_of_bind(exam: &Exam, restart: Restart) -> Verdict {
    for addr in foreign() {
        if addr.is_ipv4() || ipv6().is_some() {
            fails_like_bind(exam, restart, addr)?;
        }
    }
    Ok(())
}

fn leaves_every_client(exam: &Exam, restart: Restart) -> Verdict {
    let live = sharing_server(exam)?;
    let addr = or_skip("read its address", live.local_addr())?;
    refused(exam, restart, &live)?;
    let (_, strangers) = queued(&exam.evidence(), addr);
    clients(exam, addr, 32)?;
    let (yours, its) = queued(&exam.evidence(), addr);
    let its = its.saturating_sub(strangers);
    let all = "all 32 clients in the live server's accept queue";
    exam.must(its == 32, all, format!("{its}, and {yours} in yours"))
        .because(|case| cause::held_by_you(case, addr.port()))
}

fn does_not_connect(exam: &Exam, restart: Restart) -> Verdict {
    nobody_connects(exam, restart, &sharing_server(exam)?)?;
    // Servers on every address of the machine.
    for addr in [Some(anywhere()), ipv6()].into_iter().flatten() {
        let live = server(exam, SocketAddr::new(unspecified(addr.ip()), 0))?;
        nobody_connects(exam, restart, &live)?;
    }
    Ok(())
}

fn nobody_connects(exam: &Exam, restart: Restart, live: &TcpListener) -> Verdict {
    let addr = or_skip("read its address", live.local_addr())?;
    exam.step(format!("a server listens at {addr}"));
    refused(exam, restart, live)?;
    let stranger = exam.until(|| {
        let (_, strangers) = queued(&exam.evidence(), addr);
        Ok((strangers > 0).then_some(strangers))
    })?;
    exam.must(
        stranger.is_none(),
        "the accept queue of the live server to be empty",
        format!(
            "{} in its accept queue, and the exam has not connected (Recv-Q)",
            stranger.unwrap_or_default()
        ),
    )
    .caused_by(
        "Your code connects to see whether a server listens. The server treats that connection as \
         a client, and may be too busy to accept it. `bind` alone is enough: the kernel knows \
         whether the address is in use, and its error says so.",
    )
}

fn does_not_set_reuse_port(exam: &Exam, restart: Restart) -> Verdict {
    let listener = taken(exam, restart, anywhere(), "on a free port")?;
    let is_set = or_skip("read SO_REUSEPORT", SockRef::from(&listener).reuse_port())?;
    exam.must(!is_set, "a listener without SO_REUSEPORT", "it is set")
        .caused_by(
            "With SO_REUSEPORT another program of this user can listen on the same address, and \
             the kernel spreads the clients over both. Set SO_REUSEADDR only.",
        )
}

fn asks_for_a_backlog(exam: &Exam, restart: Restart) -> Verdict {
    let limit = fs::read_to_string("/proc/sys/net/core/somaxconn").ok();
    let limit = limit.and_then(|text| text.trim().parse::<u32>().ok());
    let limit = limit.ok_or_else(|| CheckError::skipped("cannot read net.core.somaxconn"))?;
    for addr in [Some(anywhere()), ipv6()].into_iter().flatten() {
        let listener = taken(exam, restart, addr, "on a free port")?;
        let Some(backlog) = listening(exam, &listener)?.backlog else {
            return Err(CheckError::skipped("this kernel does not show backlogs"));
        };
        let least = limit.min(BACKLOG);
        exam.must(
            backlog >= least,
            format!("a backlog of at least {least} (net.core.somaxconn is {limit})"),
            format!("a backlog of {backlog}"),
        )
        .caused_by(format!(
            "Your code asks `listen` for {backlog}{}. The kernel does not refuse clients for whom \
             the queue has no room: it drops their SYNs, and they try again after a second. Ask \
             for 4096.",
            if backlog == 128 {
                ", as std's TcpListener does"
            } else {
                ""
            }
        ))?;
    }
    Ok(())
}

fn returns_a_blocking_socket(exam: &Exam, restart: Restart) -> Verdict {
    let listener = taken(exam, restart, anywhere(), "on a free port")?;
    options::blocks(exam, &listener)
}

fn sets_no_timeout(exam: &Exam, restart: Restart) -> Verdict {
    let listener = taken(exam, restart, anywhere(), "on a free port")?;
    options::has_no_timeout(exam, &listener)
}

fn sets_close_on_exec(exam: &Exam, restart: Restart) -> Verdict {
    let listener = taken(exam, restart, anywhere(), "on a free port")?;
    let flags = fcntl(&listener, FcntlArg::F_GETFD).map_err(io::Error::from);
    let flags = FdFlag::from_bits_truncate(or_skip("read the descriptor's flags", flags)?);
    exam.must(
        flags.contains(FdFlag::FD_CLOEXEC),
        "FD_CLOEXEC on the descriptor",
        "it is not set",
    )
    .caused_by(
        "Every program that the server starts inherits the listener, and keeps the port after the \
         server has ended: the next start fails with AddrInUse. Open the socket with SOCK_CLOEXEC, \
         as std and socket2's `Socket::new` do.",
    )
}

fn closes_after_an_error(exam: &Exam, restart: Restart) -> Verdict {
    let live = server(exam, anywhere())?;
    let before = descriptors()?;
    for _ in 0..3 {
        refused(exam, restart, &live)?;
    }
    options::no_descriptor_is_left(exam, before)
}

fn leaves_one_descriptor(exam: &Exam, restart: Restart) -> Verdict {
    let before = descriptors()?;
    let _listener = taken(exam, restart, anywhere(), "on a free port")?;
    let is_alone = exam.comes_true(|| Ok(descriptors()? == before + 1))?;
    let open = descriptors()?.saturating_sub(before);
    exam.must(
        is_alone,
        "one more descriptor to be open, the listener's",
        format!("{open} more are open"),
    )
    .caused_by(
        "Your code has opened another descriptor and not closed it. If it is a clone of the \
         listener, the address stays in use after the listener is dropped.",
    )
}

fn leaves_no_thread(exam: &Exam, restart: Restart) -> Verdict {
    let _listener = taken(exam, restart, anywhere(), "on a free port")?;
    let none = exam.leaves_no_thread()?;
    exam.must(none, "no thread to be left", "a thread is still there")
        .diagnose(&[LEAVES_A_THREAD])
}

fn leaves_ipv4_alone(exam: &Exam, restart: Restart) -> Verdict {
    let ipv4 = server(exam, anywhere())?;
    let ipv4_addr = or_skip("read its address", ipv4.local_addr())?;
    let addr = SocketAddr::from((Ipv6Addr::UNSPECIFIED, ipv4_addr.port()));
    exam.step(format!("a server listens at {ipv4_addr}"));
    let old = Left::in_time_wait(exam, server(exam, addr)?)?;
    let listener = taken_at(exam, restart, addr)?;
    old.remains(exam)?;
    a_client_of(exam, &listener)?;
    refuses_a_mapped_address(exam, restart)
}
