//! Checks of `serve`: who is taken from the accept queue, and when.

use std::{io::ErrorKind, net::Shutdown, time::Duration};

use socket_workshop::accept_queue::somaxconn;
use socket2::SockRef;

use super::{
    Answer, BURST, cause,
    crowd::{Crowd, Fate},
    room::has_room,
    server::{Server, TURN, listening},
};

use crate::exam::{Because, Exam, Verdict, quote};

/// How long a client is left alone, which is the subject: long enough for a thread that takes more than it
/// should, or closes. Where all threads wait without a timeout it is left alone no longer than that takes
/// to see.
const LEFT_ALONE_FOR: Duration = Duration::from_millis(100);

pub(super) fn serves_as_many_at_once(exam: &Exam, (_, serve): Answer) -> Verdict {
    let server = Server::start(exam, serve, 3)?;
    let _first = server.serves("first client")?;
    let _second = server.serves("second client")?;
    let _third = server.serves("third client")?;
    server.answer.goes_on("its listener has not failed")
}

pub(super) fn leaves_who_waits_in_the_queue(exam: &Exam, (_, serve): Answer) -> Verdict {
    let server = Server::start(exam, serve, 2)?;
    let _first = server.serves("first client")?;
    let _second = server.serves("second client")?;
    let third = exam.dial(server.addr)?.named("third client");
    let _fourth = exam.dial(server.addr)?.named("fourth client");
    let _fifth = exam.dial(server.addr)?.named("fifth client");
    arrived(&server, 5)?;
    third
        .hears_nothing_for(LEFT_ALONE_FOR)
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
        "three clients in the accept queue (LISTEN's Recv-Q), for both workers are busy",
        format!("{queued} in the queue, {accepted} accepted and open, {closed} closed by your end"),
    )
    .because(|case| cause::taken_too_early(&server, case))?;
    server.has_kept_to_its_workers()
}

/// Waits until so many clients of the server are in its queue, or have been taken from it.
fn arrived(server: &Server, count: usize) -> Verdict {
    let all = |table: &_| Fate::of(server.addr, table).decides(count).then_some(());
    let exam = server.exam;
    exam.table_shows(all).map(drop)
}

pub(super) fn serves_the_next(exam: &Exam, (_, serve): Answer) -> Verdict {
    let server = Server::start(exam, serve, 2)?;
    let first = server.serves("first client")?;
    let _second = server.serves("second client")?;
    let third = exam.dial(server.addr)?.named("third client");
    arrived(&server, 3)?;
    let fourth = exam.dial(server.addr)?.named("fourth client");
    arrived(&server, 4)?;
    first.half_close()?;
    first.ends()?;
    server.takes(&third)?;
    third.half_close()?;
    third.ends()?;
    server.takes(&fourth)
}

pub(super) fn goes_on_after_a_clients_error(exam: &Exam, (_, serve): Answer) -> Verdict {
    let server = Server::start(exam, serve, 1)?;
    server.serves("first client")?.reset();
    server.desk.empties(exam)?;
    exam.step("`handle` has returned an error: ECONNRESET");
    server.serves("second client")?.reset();
    server.serves("third client").map(drop)
}

pub(super) fn serves_a_burst(exam: &Exam, (listen, serve): Answer) -> Verdict {
    let burst = BURST.min(somaxconn() as usize);
    let listener = listening(exam, listen, burst)?;
    let server = Server::on(exam, listener, serve, 8)?;
    let busy = Crowd::dials(exam, server.addr, server.workers)?;
    each_reads(&server, &busy, false)?;
    let crowd = Crowd::dials(exam, server.addr, burst)?;
    let mut fate = server.fate()?;
    fate.accepted = fate.accepted.saturating_sub(server.workers); // of the burst
    has_room(exam, fate, burst)?;
    crowd.say_a_word()?;
    busy.say_a_word()?;
    each_reads(&server, &crowd, true)?;
    server.has_kept_to_its_workers()
}

/// Each of the crowd is told its turn, and `behind` that reads end of file, too.
fn each_reads(server: &Server, crowd: &Crowd, behind: bool) -> Verdict {
    let Err((addr, seen)) = crowd.read(TURN, behind)? else {
        return Ok(());
    };
    let then = if behind { ", then end of file" } else { "" };
    let expected = format!("each to read {}{then}", quote(TURN));
    let failed = server.exam.fail(expected, seen);
    failed.because(|case| cause::not_served(server, case, addr))
}

pub(super) fn ends_with_accepts_error(exam: &Exam, (_, serve): Answer) -> Verdict {
    let server = Server::start(exam, serve, 2)?;
    let client = server.serves("first client")?;
    let shut_down = SockRef::from(&*server.listener).shutdown(Shutdown::Both);
    exam.must(
        shut_down.is_ok(),
        "a socket that listens",
        "it does not listen",
    )?;
    exam.step("shut the listening socket down: it is no longer in LISTEN, and accept gives EINVAL");
    client
        .hears_nothing_for(LEFT_ALONE_FOR)
        .caused_by("The client is being served, and your end has closed its connection.")?;
    server.answer.goes_on("a client is being served").caused_by(
        "`serve` has returned while one of its workers is still at work: nobody waits for that thread \
         any more, and it ends with the process. `thread::scope` joins its threads.",
    )?;
    client.half_close()?;
    client.ends()?;
    let error = server
        .answer
        .fails("when accept fails and the last client has been served")
        .because(|case| cause::goes_on_without_a_listener(&server, case))?;
    let expected = "the error of accept, EINVAL, of kind InvalidInput";
    let seen = format!("{error} ({:?})", error.kind());
    exam.must(error.kind() == ErrorKind::InvalidInput, expected, seen)
        .caused_by("Return the error that accept gave, as it is: the caller looks at its kind.")
}
