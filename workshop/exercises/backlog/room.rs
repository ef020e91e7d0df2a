//! Checks of `listen`: the accept queue has room for the burst, for no more, or `listen` fails.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use socket_workshop::accept_queue::somaxconn;

use super::{
    BURST, Functions, Listen, cause,
    crowd::{Crowd, Fate},
    server::{listen_once, listening, listening_on},
};

use crate::checks::{listener::options, returned::LOOPBACK};
use crate::exam::{Because, Exam, Verdict, descriptors, or_skip};

pub(super) fn has_room_for_the_whole_burst(exam: &Exam, (listen, _): Functions) -> Verdict {
    let limit = somaxconn() as usize;
    exam.step(format!("net.core.somaxconn is {limit}"));
    listening(exam, listen, limit).map(drop)?; // as long as may be
    let burst = BURST.min(limit);
    let (_listener, _crowd, fate) = after_a_burst(exam, listen, burst, burst)?;
    has_room(exam, fate, burst, fate.backlog)
}

/// The burst is in the queue, and no SYN was dropped. `listen` has set this backlog.
pub(super) fn has_room(exam: &Exam, fate: Fate, burst: usize, set: Option<u32>) -> Verdict {
    let Fate {
        queued,
        accepted,
        closed,
        dropped,
        backlog,
    } = fate;
    let and = match (accepted, closed) {
        (0, 0) => String::new(),
        (_, 0) => format!(", {accepted} accepted"),
        _ => format!(", {accepted} accepted and open, {closed} closed by your end"),
    };
    let seen =
        format!("{queued} in the accept queue (LISTEN's Recv-Q), {dropped} SYNs dropped{and}");
    let expected = format!("room for each of the {burst} clients, and no SYN dropped");
    let room = queued + accepted >= burst;
    exam.must(room, expected, seen).because(|_| {
        let cause = match backlog? {
            _ if closed > 0 => cause::TURNED_AWAY.to_owned(),
            backlog if dropped > 0 && set.is_some_and(|set| set > backlog) => format!(
                "The backlog is {backlog}, and after `listen` it was {}: your `serve` has called \
                 listen(2) again, which sets the backlog of a socket that listens already. The \
                 kernel drops the SYNs for which there is no room now. Leave the listener as it \
                 is.",
                set.unwrap_or_default()
            ),
            128 if dropped > 0 => {
                "The backlog is 128, which is what std's `TcpListener::bind` asks for. Pass the \
                 burst on to listen(2): use `Listen::with_backlog`."
                    .to_owned()
            }
            backlog if dropped > 0 && (backlog as usize) + 1 < burst => format!(
                "The backlog is {backlog}: your code asked listen(2) for that, or \
                 net.core.somaxconn is less. The kernel queues one more, and drops the SYN of \
                 every client after that. Such a client sends its SYN again only after a second. \
                 Ask for the burst."
            ),
            _ => return None,
        };
        Some(cause)
    })
}

/// Clients have dialed a listener from which no thread accepts.
fn after_a_burst(
    exam: &Exam,
    listen: Listen,
    burst: usize,
    clients: usize,
) -> Verdict<(TcpListener, Crowd<'_>, Fate)> {
    let listener = listening(exam, listen, burst)?;
    let addr = or_skip("read its address", listener.local_addr())?;
    let crowd = Crowd::dials(exam, addr, clients)?;
    exam.step("no thread accepts");
    Ok((listener, crowd, Fate::of(addr, &exam.table()?)))
}

pub(super) fn listens_on_the_given_address(exam: &Exam, (listen, _): Functions) -> Verdict {
    for ip in [
        Ipv4Addr::LOCALHOST.into(),
        Ipv4Addr::new(127, 0, 0, 2).into(), // all of 127/8 is loopback on Linux
        IpAddr::from(Ipv6Addr::LOCALHOST),
    ] {
        let Ok(free) = TcpListener::bind((ip, 0)) else {
            continue; // a machine without IPv6
        };
        let port = or_skip("read its address", free.local_addr())?.port();
        drop(free);
        listening_on(exam, listen, SocketAddr::new(ip, port), 8)?;
    }
    fails_where_another_listens(exam, listen)
}

/// The address is taken: no other will do.
fn fails_where_another_listens(exam: &Exam, listen: Listen) -> Verdict {
    let taken = or_skip("listen on 127.0.0.1", TcpListener::bind(LOOPBACK))?;
    let addr = or_skip("read its address", taken.local_addr())?;
    exam.step(format!(
        "called your `listen` for {addr}, where the exam listens"
    ));
    let Ok(listener) = listen_once(exam, listen, addr, 8)? else {
        return Ok(());
    };
    exam.watches(&listener);
    let local = or_skip("read its address", listener.local_addr())?;
    exam.fail(
        "`listen` to return an error: the address is in use",
        format!("a listener on {local}"),
    )
    .caused_by(
        "The address is in use, and your code has not returned the error of bind (EADDRINUSE). \
         The clients dial the address that was given: a listener on another one serves none of \
         them.",
    )
}

pub(super) fn queues_at_most_one_more(exam: &Exam, (listen, _): Functions) -> Verdict {
    for burst in [10, 1, 2] {
        let clients = 30;
        let (_listener, _crowd, fate) = after_a_burst(exam, listen, burst, clients)?;
        has_at_least(exam, fate, burst)?;
        let expected = format!(
            "{burst} clients in the accept queue, or {} (LISTEN's Recv-Q)",
            burst + 1
        );
        let seen = format!("{} of {clients} wait in it", fate.queued);
        exam.must(fate.queued <= burst + 1, expected, seen)
            .because(|_| {
                let backlog = fate.backlog?;
                Some(format!(
                    "The backlog is {backlog}. A queue longer than the burst holds clients that \
                     will not be served in time. They are connected, so they do not notice. A \
                     client whose SYN is dropped can go elsewhere. Ask for the burst."
                ))
            })?;
    }
    Ok(())
}

fn has_at_least(exam: &Exam, fate: Fate, burst: usize) -> Verdict {
    let expected = format!("room for {burst} clients");
    let seen = format!("{} wait in the accept queue", fate.queued);
    exam.must(fate.queued >= burst, expected, seen)
        .because(|_| {
            let backlog = fate.backlog?;
            Some(format!(
                "The backlog is {backlog}, and the kernel queues one more than that, which is less \
                 than the burst. Ask for the burst."
            ))
        })
}

pub(super) fn fails_where_the_kernel_would_cut(exam: &Exam, (listen, _): Functions) -> Verdict {
    let limit = somaxconn() as usize;
    exam.step(format!("net.core.somaxconn is {limit}"));
    for burst in too_long(limit) {
        fails(exam, listen, LOOPBACK, burst)?;
    }
    Ok(())
}

/// For a burst of one more than the limit there is room, for two more there is not. The others are
/// short in their lower 32 bits, or in 31.
fn too_long(limit: usize) -> Vec<usize> {
    let long = [1u64 << 31, 1 << 32, (1 << 32) + 8, u64::MAX];
    let long = long.map(|burst| usize::try_from(burst).unwrap_or(usize::MAX));
    [&[limit + 2], &long[..]].concat()
}

pub(super) fn leaves_no_descriptor_after_an_error(exam: &Exam, (listen, _): Functions) -> Verdict {
    let limit = somaxconn() as usize;
    let before = descriptors()?;
    for burst in too_long(limit) {
        fails(exam, listen, LOOPBACK, burst)?;
    }
    options::no_descriptor_is_left(exam, before)
}

fn fails(exam: &Exam, listen: Listen, addr: SocketAddr, burst: usize) -> Verdict {
    exam.step(format!("called your `listen` for a burst of {burst}"));
    let Ok(listener) = listen_once(exam, listen, addr, burst)? else {
        return Ok(());
    };
    exam.watches(&listener);
    let addr = or_skip("read its address", listener.local_addr())?;
    let backlog = Fate::of(addr, &exam.table()?).backlog;
    let known = backlog.map_or_else(String::new, |backlog| {
        format!(", with a backlog of {backlog}")
    });
    exam.fail("`listen` to return an error", format!("a listener{known}"))
        .because(|_| Some(no_error(burst, backlog?)))
}

/// Why a listener with this backlog was returned for a burst that is too long.
fn no_error(burst: usize, backlog: u32) -> String {
    if backlog == somaxconn() && burst < 1 << 31 {
        "listen(2) cuts the backlog to net.core.somaxconn and still returns 0: its success says \
         nothing about the room in the queue. Compare the burst with /proc/sys/net/core/somaxconn, \
         or ask the kernel afterwards which backlog it has set."
            .to_owned()
    } else if burst >= 1 << 31 {
        "No listener has room for this burst. listen(2) takes an i32, and `as i32` or `as u32` \
         keeps only the lower 32 bits of a number. Use `i32::try_from`, which fails if the number \
         does not fit."
            .to_owned()
    } else {
        format!(
            "Your code asked listen(2) for a backlog of {backlog}, which is less than the burst. \
             If there is no room for the burst, return an error: the caller must know."
        )
    }
}
