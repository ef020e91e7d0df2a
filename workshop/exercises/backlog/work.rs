//! Checks of `serve`: which client a worker takes from the accept queue, and when.

use std::{io, time::Duration};

use socket_workshop::{accept_queue::somaxconn, threads};

use super::{
    BURST, Functions, Serve, cause,
    crowd::{Crowd, Fate},
    room::has_room,
    server::{ERRORS, Server, TURN, listening},
};

use crate::checks::{
    listener::{idle, processor},
    shut,
};
use crate::exam::{Because, Call, Doing, Exam, Peer, Verdict, or_skip, quote};

/// How long a client waits, which is the subject: long enough for a thread that accepts too early,
/// or closes. The wait ends early if no thread has a timeout.
const LEFT_ALONE_FOR: Duration = Duration::from_millis(100);

/// How many looks at threads are taken, one right after the other.
const LOOKS: u32 = 100;

pub(super) fn serves_as_many_at_once(exam: &Exam, (_, serve): Functions) -> Verdict {
    let server = Server::start(exam, serve, 3)?;
    let _first = server.serves("first client")?;
    let _second = server.serves("second client")?;
    let _third = server.serves("third client")?;
    server.answer.goes_on("its listener has not failed")
}

pub(super) fn leaves_clients_in_the_queue(exam: &Exam, (_, serve): Functions) -> Verdict {
    let server = Server::start(exam, serve, 2)?;
    let _first = server.serves("first client")?;
    let _second = server.serves("second client")?;
    let third = exam.dial(server.addr)?.named("third client");
    let _fourth = exam.dial(server.addr)?.named("fourth client");
    let _fifth = exam.dial(server.addr)?.named("fifth client");
    arrived(&server, 5)?;
    third
        .receives_nothing_for(LEFT_ALONE_FOR)
        .because(|case| cause::taken_too_early(&server, case))?;
    exam.comes_to_rest()?; // then they have taken what they take
    let Fate {
        queued,
        accepted,
        closed,
        ..
    } = server.fate()?;
    exam.must(
        queued == 3,
        "three clients in the accept queue (LISTEN's Recv-Q): both workers are busy",
        format!("{queued} in the queue, {accepted} accepted and open, {closed} closed by your end"),
    )
    .because(|case| cause::taken_too_early(&server, case))
}

pub(super) fn serves_no_more_at_once(exam: &Exam, (_, serve): Functions) -> Verdict {
    for workers in [1, 3] {
        let server = Server::start(exam, serve, workers)?;
        let crowd = Crowd::dials(exam, server.addr, workers + 4)?;
        exam.comes_to_rest()?; // then they have taken what they take
        server.has_kept_to_its_workers()?;
        crowd.say_a_word()?;
        each_reads(&server, &crowd, true)?;
        server.has_kept_to_its_workers()?;
    }
    Ok(())
}

/// Waits until this many clients of the server are in its queue, or have been taken from it.
fn arrived(server: &Server, count: usize) -> Verdict {
    let all = |table: &_| Fate::of(server.addr, table).decides(count).then_some(());
    let exam = server.exam;
    exam.table_shows(all).map(drop)
}

pub(super) fn serves_the_next(exam: &Exam, (_, serve): Functions) -> Verdict {
    let server = Server::start(exam, serve, 2)?;
    let first = server.serves("first client")?;
    let _second = server.serves("second client")?;
    let third = exam.dial(server.addr)?.named("third client");
    arrived(&server, 3)?;
    let fourth = exam.dial(server.addr)?.named("fourth client");
    arrived(&server, 4)?;
    first.half_close()?;
    server.ends(&first)?;
    server.takes(&third)?;
    third.half_close()?;
    server.ends(&third)?;
    server.takes(&fourth)
}

/// A worker that sleeps between two clients is seen asleep while the next one waits.
pub(super) fn does_not_pause(exam: &Exam, (_, serve): Functions) -> Verdict {
    let server = Server::start(exam, serve, 1)?;
    let mut client = server.serves("first client")?;
    for round in 0..8 {
        let next = exam.dial(server.addr)?.named("next client");
        arrived(&server, 2)?; // it waits in the queue
        let calls = server.desk.calls();
        match round % 2 {
            0 => client.half_close()?,
            _ => client.reset(), // `handle` returns an error
        }
        let slept = exam.until(|| {
            // Many looks without a rest between them: a sleep may be short.
            for _ in 0..LOOKS {
                if server.desk.calls() > calls {
                    return Ok(Some(false));
                }
                let threads = or_skip("look at threads", threads::others())?;
                if threads.iter().any(|thread| is_in_a_sleep(&thread.doing)) {
                    return Ok(Some(true));
                }
            }
            Ok(None)
        })?;
        let expected = "the next client to be taken as soon as the worker is free";
        exam.must(
            slept != Some(true),
            expected,
            "your thread sleeps, and the client waits",
        )
        .caused_by(
            "Your code sleeps between two clients, after an error of `handle`, or between two \
             looks at the accept queue or at its workers. Let each worker call accept immediately \
             after `handle`, whatever that has returned: it blocks until a client comes.",
        )?;
        server.takes(&next)?;
        client = next;
    }
    Ok(())
}

fn is_in_a_sleep(doing: &Doing) -> bool {
    matches!(
        doing,
        Doing::Blocked {
            call: Call::Sleep,
            ..
        }
    )
}

pub(super) fn waits_without_spinning(exam: &Exam, (_, serve): Functions) -> Verdict {
    let server = Server::start(exam, serve, 3)?;
    let _first = server.serves("first client")?;
    processor::must_wait(
        exam,
        "No client waits, and your threads run without a pause. Either they call accept on a \
         non-blocking listener again and again, or their `poll` does not wait: a timeout of 0 \
         returns immediately, and -1 (`PollTimeout::NONE`) waits without a limit. Let accept \
         block, or wait in poll.",
    )?;
    must_not_sleep(exam)?;
    let _second = server.serves("second client")?;
    let _third = server.serves("third client")?;
    processor::must_wait(
        exam,
        "All workers are busy and no client waits, and a thread of yours runs without a pause: \
         most likely it looks again and again whether a worker is free. Let each worker accept for \
         itself, or wait for a free one in a call that blocks, such as a channel's `recv`.",
    )?;
    must_not_sleep(exam)
}

/// Nothing happens: a thread that sleeps now wakes only to look whether something has.
fn must_not_sleep(exam: &Exam) -> Verdict {
    exam.must(
        !exam.waits_in(Call::Sleep)?,
        "no thread of yours to sleep: there is nothing to do",
        "one is in a sleep",
    )
    .caused_by(
        "A thread of yours sleeps, and looks again and again whether there is something to do: a \
         client, a free worker, or a lock. Each look costs CPU time, and what comes during a sleep \
         waits until it is over. Let the kernel wake it: block in accept, in poll, in a lock of \
         std, or in a channel's `recv`.",
    )
}

/// Two workers are free: one of them, or the thread that accepts for them, waits for a client.
pub(super) fn waits_in_accept_or_poll(exam: &Exam, (_, serve): Functions) -> Verdict {
    let server = Server::start(exam, serve, 3)?;
    let _client = server.serves("first client")?;
    idle::a_client_would_wake_it(exam)
}

pub(super) fn survives_a_reset_in_the_queue(exam: &Exam, (_, serve): Functions) -> Verdict {
    let server = Server::start(exam, serve, 1)?;
    let first = server.serves("first client")?;
    exam.dial(server.addr)?.named("second client").reset();
    let third = exam.dial(server.addr)?.named("third client");
    arrived(&server, 3)?;
    first.half_close()?;
    server.ends(&first)?;
    server.takes(&third)?;
    server.answer.goes_on("its listener has not failed")
}

pub(super) fn goes_on_after_a_clients_error(exam: &Exam, (_, serve): Functions) -> Verdict {
    for workers in [1, 2] {
        let server = Server::start(exam, serve, workers)?;
        for name in ["first client", "second client", "third client"] {
            server.serves(name)?.reset();
            server.desk.empties(exam)?;
            exam.step("`handle` has returned an error: ECONNRESET");
        }
        for number in 0..ERRORS.len() {
            let client = server.serves("a client")?;
            server.fails_for(&client, number)?;
        }
        let stays = server.serves("a client after the errors")?;
        if workers > 1 {
            server.serves("another beside it").map(drop)?;
        }
        stays.close();
        // Its threads are not to be seen beside those of the next server.
        shut::shut_down(exam, &server.listener)?;
        server.answer.comes_to_its_end()?;
    }
    Ok(())
}

pub(super) fn serves_a_burst(exam: &Exam, (listen, serve): Functions) -> Verdict {
    let burst = BURST.min(somaxconn() as usize);
    let listener = listening(exam, listen, burst)?;
    let addr = or_skip("read its address", listener.local_addr())?;
    let set = Fate::of(addr, &exam.table()?).backlog;
    let server = Server::on(exam, listener, serve, 8)?;
    let busy = Crowd::dials(exam, server.addr, server.workers)?;
    each_reads(&server, &busy, false)?;
    let crowd = Crowd::dials(exam, server.addr, burst)?;
    let mut fate = server.fate()?;
    fate.accepted = fate.accepted.saturating_sub(server.workers); // of the burst
    has_room(exam, fate, burst, set)?;
    crowd.say_a_word()?;
    busy.say_a_word()?;
    each_reads(&server, &crowd, true)?;
    server.has_kept_to_its_workers()
}

/// Each of the crowd is served, and if `then_ends`, reads end of file after that.
fn each_reads(server: &Server, crowd: &Crowd, then_ends: bool) -> Verdict {
    let Err((addr, seen)) = crowd.read(TURN, then_ends)? else {
        return Ok(());
    };
    let then = if then_ends { ", then end of file" } else { "" };
    let expected = format!("each to read {}{then}", quote(TURN));
    let failed = server.exam.fail(expected, seen);
    failed.because(|case| cause::not_served(server, case, addr))
}

/// The listener of a server that serves a client has been shut down.
fn without_a_listener<'e>(exam: &'e Exam, serve: Serve) -> Verdict<(Server<'e>, Peer<'e>)> {
    let server = Server::start(exam, serve, 2)?;
    let client = server.serves("first client")?;
    shut::shut_down(exam, &server.listener)?;
    Ok((server, client))
}

pub(super) fn waits_for_the_clients_being_served(exam: &Exam, (_, serve): Functions) -> Verdict {
    let (server, client) = without_a_listener(exam, serve)?;
    client.receives_nothing_for(LEFT_ALONE_FOR).caused_by(
        "The client is being served, and your end has closed its connection. Let \
                    `handle` end first.",
    )?;
    server.answer.goes_on("a client is being served").caused_by(
        "`serve` has returned while one of its workers still runs `handle`. That thread ends with \
         the process, and its client is lost. Join the workers: `thread::scope` does.",
    )
}

pub(super) fn returns_the_error_of_accept(exam: &Exam, (_, serve): Functions) -> Verdict {
    let (server, client) = without_a_listener(exam, serve)?;
    client.half_close()?;
    let error = fails_when_served(&server, &client)?;
    shut::is_its_error(exam, &error)?;

    // After errors of `handle`: of a client before, and of the last one.
    let server = Server::start(exam, serve, 2)?;
    let earlier = server.serves("earlier client")?;
    server.fails_for(&earlier, 0)?;
    let last = server.serves("last client")?;
    shut::shut_down(exam, &server.listener)?;
    server.fails_for(&last, 0)?;
    let error = fails_when_served(&server, &last)?;
    exam.must(
        error.kind() != ERRORS[0],
        "the error of accept",
        format!("{error} ({:?}), which `handle` has returned", ERRORS[0]),
    )
    .caused_by(cause::RETURNS_A_CLIENTS_ERROR)?;
    shut::is_its_error(exam, &error)
}

/// accept has failed, and the last client's connection ends: the error that `serve` returns.
fn fails_when_served(server: &Server, last: &Peer) -> Verdict<io::Error> {
    server.ends(last)?;
    server
        .answer
        .fails("when accept fails and the last client has been served")
        .because(|case| cause::goes_on_without_a_listener(server, case))
}
