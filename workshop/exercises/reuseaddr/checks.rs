//! Checks of exercise 6: a server's address taken back, and never shared.
//!
//! `old` plays the server that was there before, `call` calls the answer, and `causes` says why it did
//! not get the address, or got it where it must not.

mod call;
mod causes;
mod old;

use std::{
    fs,
    io::{self, Write},
    net::{Ipv6Addr, SocketAddr, TcpListener},
    time::Duration,
};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use socket_workshop::table::{End, State};
use socket2::SockRef;

use self::{
    call::{a_client_of, listening, refused, taken, taken_at},
    old::{Left, anywhere, clients, comes_to, queued, server, sharing_server},
};
use super::Exercise;

use crate::exam::{Because, Exam, Rule, Suite, Unmet, Verdict, check, descriptors, here};

/// Exercise 6.
pub const EXERCISE: Exercise = Exercise {
    number: 6,
    name: "reuseaddr",
    task: "take a server's address back, and never share it",
    hints: [
        "std's `TcpListener::bind` makes four calls in one: socket, setsockopt, bind, listen. With \
         `socket2::Socket` you make them yourself. Which of them reads an option, and so must come \
         after it?",
        "SO_REUSEADDR forgives old connections, never a listener; SO_REUSEPORT shares with one. Set \
         SO_REUSEADDR on every socket, for the one that goes to TIME_WAIT needed it as well; on an IPv6 \
         socket IPV6_V6ONLY too. All before bind. What bind says is the answer: return its error.",
        "let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?; \
         socket.set_reuse_address(true)?; if addr.is_ipv6() { socket.set_only_v6(true)? } \
         socket.bind(&addr.into())?; socket.listen(4096)?; Ok(socket.into())",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 6 is held to.
pub const SUITE: Suite<Restart> = Suite {
    exercise: EXERCISE.name,
    rules: &[Rule::core(
        "",
        &[
            check(
                "listens at exactly the address it is given",
                listens_at_exactly_this_address,
            ),
            check("lets clients in", lets_clients_in),
            check(
                "takes the address back from TIME_WAIT",
                takes_it_back_from_time_wait,
            ),
            check(
                "takes the address back while old connections live",
                takes_it_back_while_connections_live,
            ),
            check(
                "leaves an address that can be taken back again",
                can_be_taken_back_itself,
            ),
            check(
                "refuses the address of a live server at once",
                refuses_a_live_servers_address,
            ),
            check(
                "leaves every client to a live server",
                leaves_every_client_to_a_live_server,
            ),
            check("has room for clients that wait", has_room_for_clients),
            check("blocks in accept", blocks_in_accept),
            check(
                "is not inherited by other programs",
                is_not_inherited_by_programs,
            ),
            check("leaves no other descriptor open", leaves_nothing_else_open),
            check("leaves the port of IPv4 alone", leaves_ipv4_alone),
        ],
    )],
    cause: causes::likely,
};

/// The student's function.
pub type Restart = fn(SocketAddr) -> io::Result<TcpListener>;

/// The least backlog, unless the kernel cuts it.
const BACKLOG: u32 = 4096;

fn listens_at_exactly_this_address(exam: &Exam, restart: Restart) -> Verdict {
    let old = Left::in_time_wait(exam, server(exam, anywhere())?)?;
    taken_at(exam, restart, old.addr)?;
    taken_at(exam, restart, anywhere())?;
    Ok(())
}

fn lets_clients_in(exam: &Exam, restart: Restart) -> Verdict {
    let listener = taken(exam, restart, anywhere(), "at a free port")?;
    for word in ["hello", "hello again"] {
        let (client, mut server) = a_client_of(exam, &listener)?;
        here("write to a client", server.write_all(word.as_bytes()))?;
        client.receives(word.as_bytes())?;
    }
    Ok(())
}

fn takes_it_back_from_time_wait(exam: &Exam, restart: Restart) -> Verdict {
    let old = Left::in_time_wait(exam, server(exam, anywhere())?)?;
    is_taken_back(exam, restart, &old)
}

fn takes_it_back_while_connections_live(exam: &Exam, restart: Restart) -> Verdict {
    let old = Left::alive(exam, server(exam, anywhere())?)?;
    is_taken_back(exam, restart, &old)
}

fn is_taken_back(exam: &Exam, restart: Restart, old: &Left) -> Verdict {
    let _listener = taken_at(exam, restart, old.addr)?;
    old.remains(exam)
}

fn can_be_taken_back_itself(exam: &Exam, restart: Restart) -> Verdict {
    let first = taken(exam, restart, anywhere(), "at a free port")?;
    let addr = here("read your listener's address", first.local_addr())?;
    let (client, server) = a_client_of(exam, &first)?;
    let end = here("read its address", End::of(&server))?;
    let lingers = SockRef::from(&server).linger();
    drop(server);
    exam.step("closed the server's end first");
    client.ends().because(|_| {
        (lingers.ok()? == Some(Duration::ZERO)).then(|| {
            "The connection that your listener accepted has SO_LINGER with 0 seconds, which it \
             inherits: to close it is to abort it, with RST. That leaves no TIME_WAIT, and throws away \
             what the client has not got yet."
                .to_owned()
        })
    })?;
    client.half_close()?;
    comes_to(exam, end, State::TimeWait)?;
    drop(first);
    exam.step(format!("dropped your listener; {end} is in TIME_WAIT"));
    taken_at(exam, restart, addr).map(drop)
}

fn refuses_a_live_servers_address(exam: &Exam, restart: Restart) -> Verdict {
    let live = server(exam, anywhere())?;
    exam.step("a server listens, with SO_REUSEADDR");
    refused(exam, restart, &live)
}

fn leaves_every_client_to_a_live_server(exam: &Exam, restart: Restart) -> Verdict {
    let live = sharing_server(exam)?;
    let addr = here("read its address", live.local_addr())?;
    exam.step("a server listens, with SO_REUSEADDR and SO_REUSEPORT");
    refused(exam, restart, &live)?;
    let stranger = exam.until(|| {
        let (_, strangers) = queued(&exam.evidence(), addr.port());
        Ok((strangers > 0).then_some(strangers))
    })?;
    exam.must(
        stranger.is_none(),
        "the live server to notice nothing",
        format!(
            "{} in its accept queue, and none of them is a client (Recv-Q)",
            stranger.unwrap_or_default()
        ),
    )
    .caused_by(
        "Your code has connected to see whether anybody is there. The server takes that for a client, \
         and may be too busy to answer; bind asks the kernel, which knows.",
    )?;
    clients(exam, addr, 32)?;
    let (yours, its) = queued(&exam.evidence(), addr.port());
    let all = "all 32 clients in the live server's queue";
    exam.must(its == 32, all, format!("{its}, and {yours} in yours"))
        .because(|case| causes::held_by_you(case, addr.port()))
}

fn has_room_for_clients(exam: &Exam, restart: Restart) -> Verdict {
    let limit = fs::read_to_string("/proc/sys/net/core/somaxconn").ok();
    let limit = limit.and_then(|text| text.trim().parse::<u32>().ok());
    let limit = limit.ok_or_else(|| Unmet::not_here("cannot read net.core.somaxconn"))?;
    let listener = taken(exam, restart, anywhere(), "at a free port")?;
    let Some(backlog) = listening(exam, &listener)?.backlog else {
        return Err(Unmet::not_here("this kernel does not show backlogs"));
    };
    let least = limit.min(BACKLOG);
    exam.must(
        backlog >= least,
        format!("a backlog of at least {least} (net.core.somaxconn is {limit})"),
        format!("a backlog of {backlog}"),
    )
    .caused_by(format!(
        "`listen` was asked for {backlog}{}. Clients for whom there is no room are not refused: the \
         kernel drops their SYNs, and they try again after a second.",
        if backlog == 128 { ", as std's TcpListener does" } else { "" }
    ))
}

fn blocks_in_accept(exam: &Exam, restart: Restart) -> Verdict {
    let listener = taken(exam, restart, anywhere(), "at a free port")?;
    let socket = SockRef::from(&listener);
    let nonblocking = here("read the socket's flags", socket.nonblocking())?;
    exam.must(!nonblocking, "a socket that blocks", "O_NONBLOCK is set")
        .caused_by(
            "`accept` on this listener fails with WouldBlock at once if nobody waits. A loop around it \
             takes that for a failure, or spins.",
        )?;
    let timeout = here("read SO_RCVTIMEO", socket.read_timeout())?;
    let seen = format!("SO_RCVTIMEO is {:?}", timeout.unwrap_or_default());
    exam.must(timeout.is_none(), "a socket that waits for ever", seen)
        .caused_by(
            "`accept` on this listener fails with WouldBlock when the time is over, and every \
             connection that it accepts inherits the limit for its reads.",
        )
}

fn is_not_inherited_by_programs(exam: &Exam, restart: Restart) -> Verdict {
    let listener = taken(exam, restart, anywhere(), "at a free port")?;
    let flags = fcntl(&listener, FcntlArg::F_GETFD).map_err(io::Error::from);
    let flags = FdFlag::from_bits_truncate(here("read the descriptor's flags", flags)?);
    exam.must(
        flags.contains(FdFlag::FD_CLOEXEC),
        "FD_CLOEXEC on the descriptor",
        "it is not set",
    )
    .caused_by(
        "Every program that the server starts would inherit the listener, and keep the port after the \
         server has ended: the next start fails with AddrInUse. Open the socket with SOCK_CLOEXEC, as \
         std and socket2's `Socket::new` do.",
    )
}

fn leaves_nothing_else_open(exam: &Exam, restart: Restart) -> Verdict {
    let live = server(exam, anywhere())?;
    let before = descriptors()?;
    for _ in 0..3 {
        refused(exam, restart, &live)?;
    }
    let closed = exam.comes_true(|| Ok(descriptors()? <= before))?;
    let left = descriptors()?.saturating_sub(before);
    exam.must(
        closed,
        "no descriptor to be left of three calls that failed",
        format!("{left} descriptors are"),
    )
    .caused_by(
        "The socket of a call that failed is still open. A `Socket` that is dropped is closed, on every \
         `?` too; a raw descriptor, or one that is forgotten, is not.",
    )?;
    let _listener = taken(exam, restart, anywhere(), "at a free port")?;
    let is_alone = exam.comes_true(|| Ok(descriptors()? == before + 1))?;
    let open = descriptors()?.saturating_sub(before);
    exam.must(
        is_alone,
        "one more descriptor to be open, the listener's",
        format!("{open} more are"),
    )
    .caused_by(
        "Something else was opened and is still there. If it is a clone of the listener, the address \
         stays taken when the listener is dropped.",
    )
}

fn leaves_ipv4_alone(exam: &Exam, restart: Restart) -> Verdict {
    let ipv4 = server(exam, anywhere())?;
    let ipv4_addr = here("read its address", ipv4.local_addr())?;
    let addr = SocketAddr::from((Ipv6Addr::UNSPECIFIED, ipv4_addr.port()));
    exam.step(format!("a server listens at {ipv4_addr}"));
    let old = Left::in_time_wait(exam, server(exam, addr)?)?;
    let listener = taken_at(exam, restart, addr)?;
    old.remains(exam)?;
    a_client_of(exam, &listener).map(drop)
}
