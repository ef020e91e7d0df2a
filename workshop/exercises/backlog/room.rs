//! Checks of `listen`: the accept queue has room for the burst, for no more, and nobody is deceived.

use std::net::{SocketAddr, TcpListener};

use socket_workshop::accept_queue::somaxconn;

use super::{
    Answer, BURST, Listen, cause,
    crowd::{Crowd, Fate},
    server::{LOOPBACK, listen_once, listening},
};

use crate::exam::{Because, Exam, Verdict, here};

pub(super) fn has_room_for_the_whole_burst(exam: &Exam, (listen, _): Answer) -> Verdict {
    let burst = BURST.min(somaxconn() as usize);
    let (_listener, _crowd, fate) = after_a_burst(exam, listen, burst, burst)?;
    has_room(exam, fate, burst)
}

/// The burst is in the queue, and no SYN was dropped.
pub(super) fn has_room(exam: &Exam, fate: Fate, burst: usize) -> Verdict {
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
    let expected = format!("each of the {burst} clients to find room, and no SYN to be dropped");
    let room = queued + accepted >= burst;
    exam.must(room, expected, seen).because(|_| {
        let cause = match backlog? {
            _ if closed > 0 => cause::TURNED_AWAY.to_owned(),
            128 if dropped > 0 => {
                "The backlog is 128, which is what std's `TcpListener::bind` asks for, and there is no \
                 way to tell it otherwise. Pass the burst on to listen(2): `Listen::with_backlog`."
                    .to_owned()
            }
            backlog if dropped > 0 && (backlog as usize) + 1 < burst => format!(
                "The backlog is {backlog}: that is what listen(2) was asked for, or net.core.somaxconn \
                 if that is less. The kernel queues one more, and drops the SYN of every client after \
                 that, without a word: it will try again after a second."
            ),
            _ => return None,
        };
        Some(cause)
    })
}

/// So many clients have dialed a listener from which nobody accepts.
fn after_a_burst(
    exam: &Exam,
    listen: Listen,
    burst: usize,
    clients: usize,
) -> Verdict<(TcpListener, Crowd<'_>, Fate)> {
    let listener = listening(exam, listen, burst)?;
    let addr = here("read its address", listener.local_addr())?;
    let crowd = Crowd::dials(exam, addr, clients)?;
    exam.step("nobody accepts");
    Ok((listener, crowd, Fate::of(addr, &exam.table()?)))
}

pub(super) fn lets_no_more_wait(exam: &Exam, (listen, _): Answer) -> Verdict {
    let (burst, clients) = (10, 30);
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
                "The backlog is {backlog}. A queue that is longer than the burst it is for lets clients wait \
                 whom nobody will serve in time: they are connected, so they do not know. Those who hear \
                 nothing can give up, or go elsewhere. Ask for the burst."
            ))
        })
}

fn has_at_least(exam: &Exam, fate: Fate, burst: usize) -> Verdict {
    let expected = format!("room for {burst} clients");
    let seen = format!("{} wait in the accept queue", fate.queued);
    exam.must(fate.queued >= burst, expected, seen)
        .because(|_| {
            let backlog = fate.backlog?;
            Some(format!(
                "The backlog is {backlog}, and the kernel queues one more than that: fewer than the burst."
            ))
        })
}

pub(super) fn fails_where_the_kernel_would_cut(exam: &Exam, (listen, _): Answer) -> Verdict {
    let limit = somaxconn() as usize;
    exam.step(format!("net.core.somaxconn is {limit}"));
    listening(exam, listen, limit).map(drop)?; // as long as may be
    // One more than the limit there is room for, and nobody need know; two more there is not. The last
    // is 8 for whoever looks at its lower half only.
    let beyond_32_bits = usize::try_from((1u64 << 32) + 8).unwrap_or(usize::MAX);
    for burst in [limit + 2, beyond_32_bits, usize::MAX] {
        fails(exam, listen, LOOPBACK, burst)?;
    }
    Ok(())
}

fn fails(exam: &Exam, listen: Listen, addr: SocketAddr, burst: usize) -> Verdict {
    exam.step(format!("called your `listen` for a burst of {burst}"));
    let Ok(listener) = listen_once(exam, listen, addr, burst)? else {
        return Ok(());
    };
    exam.watches(&listener);
    let addr = here("read its address", listener.local_addr())?;
    let backlog = Fate::of(addr, &exam.table()?).backlog;
    let known = backlog.map_or_else(String::new, |backlog| {
        format!(", with a backlog of {backlog}")
    });
    exam.fail("`listen` to return an error", format!("a listener{known}"))
        .because(|_| Some(no_error(burst, backlog?)))
}

/// A listener has this backlog and was to have room for a burst that is too long.
fn no_error(burst: usize, backlog: u32) -> String {
    if backlog == somaxconn() && burst < usize::MAX {
        "listen(2) cuts the backlog to net.core.somaxconn and returns 0 all the same: that it has \
         succeeded says nothing about the room there is. Compare the burst with \
         /proc/sys/net/core/somaxconn, or ask the kernel afterwards which backlog it has given."
            .to_owned()
    } else if backlog as usize == burst % (1 << 31) || burst == usize::MAX {
        "No listener has room for so many. listen(2) takes an i32, and `as i32` keeps the lower 32 bits of \
         a number, whatever that makes of it; `i32::try_from` says when it does not fit."
            .to_owned()
    } else {
        format!(
            "The backlog is {backlog}, and not by the kernel's limit: listen(2) was asked for it. If the \
             caller wants room for more clients than there will be, it must hear so."
        )
    }
}
