//! The checks that are about the end of a conversation: QUIT, end of file, a reset.

use std::{
    thread,
    time::{Duration, Instant},
};

use socket_workshop::table::{End, State, Table};

use super::{ServeClient, Server, Serving, asks, cause, deaf, is_read, is_refused};

use crate::exam::{
    Because, Call, Case, CheckError, Doing, Exam, Peer, Verdict, descriptors,
    diagnosis::{
        Diagnosis, LEAVES_A_THREAD, LOSES_THE_ERROR, PANICS_ON_AN_ERROR, RETRIES_A_FATAL_ERROR,
        SPINS_AT_END_OF_FILE, WAITS_FOR_ITS_THREAD,
    },
    numbered, or_skip, quote,
};

/// So much a client may send that the server does not want, all of it before the server reads a
/// byte.
pub(super) const ENDLESS: usize = 1 << 20;

/// After the end of file. A server that has read all that was sent may close without a reset.
pub(super) fn does_not_reset(exam: &Exam, client: &Peer<'_>) -> Verdict {
    has_no_reset(exam, client).caused_by(cause::RESETS_AFTER_THE_END)
}

fn has_no_reset(exam: &Exam, client: &Peer<'_>) -> Verdict {
    is_read(exam, client)?;
    match or_skip("read SO_ERROR", client.stream().take_error())? {
        None => Ok(()),
        Some(error) => exam.fail(
            "no reset after the end of file",
            format!("SO_ERROR: {error}"),
        ),
    }
}

/// In this number of looks in a row it waits for the client.
const LOOKS: u32 = 4;

/// The end of file must come, and the server must not have waited for the client before it sent
/// that. Each wait has a timeout, or it would not come.
pub(super) fn ends_without_the_client(
    exam: &Exam,
    client: &Peer<'_>,
    if_not: fn(&Case) -> Option<String>,
) -> Verdict {
    let waited = waits_for_the_client(exam, client)?;
    client.ends().because(if_not)?;
    exam.must(
        !waited,
        "end of file to be sent without waiting for the client",
        "your thread waited for the client while your end was ESTABLISHED; the end came later",
    )
    .caused_by(cause::WAITS_BEFORE_ITS_END)
}

/// Whether the server has read everything and then waits in a read or in poll, before it has sent
/// its FIN. One that sleeps is slow, and does not wait for the client.
fn waits_for_the_client(exam: &Exam, client: &Peer<'_>) -> Verdict<bool> {
    let end = or_skip("read the client's address", End::of(client.stream()))?;
    let has_sent_fin = |table: &Table| {
        let row = table.find(end.other());
        row.is_none_or(|row| row.state != State::Established)
    };
    let has_read = |table: &Table| {
        let taken = table.find(end.other()).is_some_and(|row| row.recv_q == 0);
        taken && table.find(end).is_some_and(|row| row.send_q == 0)
    };
    let mut looks = 0;
    let waits = exam.until(|| {
        let before = exam.table()?;
        let threads = exam.evidence().threads;
        if has_sent_fin(&before) || has_sent_fin(&exam.table()?) {
            return Ok(Some(false));
        }
        let is_in = |calls: &[Call]| {
            let mut threads = threads.iter();
            threads
                .any(|doing| matches!(doing, Doing::Blocked { call, .. } if calls.contains(call)))
        };
        let all_wait = threads
            .iter()
            .all(|doing| matches!(doing, Doing::Blocked { .. }));
        let waits = all_wait && is_in(&[Call::Read, Call::Poll]) && !is_in(&[Call::Sleep]);
        looks = if has_read(&before) && waits {
            looks + 1
        } else {
            0
        };
        Ok((looks == LOOKS).then_some(true))
    })?;
    Ok(waits.unwrap_or(false))
}

pub(super) fn sends_end_of_file_at_quit(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let (client, serving) = Server::new(exam, serve_client).client()?;
    client.send(b"PUT color red\nGET color\nQUIT\n")?;
    client
        .receives(b"OK\nVALUE red\n")
        .because(|case| cause::loses_what_it_has_read(case, 2))?;
    ends_without_the_client(exam, &client, cause::goes_on_after_quit)?;
    client.close();
    serving
        .succeeds("after QUIT, and the client has closed too")
        .because(cause::returns_an_error_at_the_end)?;
    returns_ok_before_the_client_closes(exam, serve_client)
}

/// Longer than the usual time for which a server discards what still comes.
const STAYS: Duration = Duration::from_millis(1500);

/// The server may wait until the client closes. If it does not, it has done its work all the same.
fn returns_ok_before_the_client_closes(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let (client, serving) = Server::new(exam, serve_client).client()?;
    client.send(b"QUIT\n")?;
    client.ends().because(cause::goes_on_after_quit)?;
    let begun = Instant::now();
    exam.comes_true(|| Ok(serving.has_ended() || begun.elapsed() > STAYS))?;
    if !serving.has_ended() {
        client.close();
    }
    serving
        .succeeds("after QUIT")
        .because(cause::returns_an_error_at_the_end)
}

pub(super) fn executes_nothing_after_quit(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let server = Server::new(exam, serve_client);
    let (client, stream) = exam.connection()?;
    client.send(b"PUT color red\nQUIT\nPUT color blue\nGET color\n")?;
    let serving = server.serves(stream)?;
    client.receives(b"OK\n")?;
    client.ends().because(cause::goes_on_after_quit)?;
    client.close();
    let _ = serving.returns("after QUIT, and the client has closed too")?;
    server
        .tells_another("color", "red")
        .because(cause::executes_what_comes_after)
}

pub(super) fn does_not_reset_after_quit(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let server = Server::new(exam, serve_client);
    let (client, stream) = exam.connection()?;
    let requests = "PUT color red\nGET color\nQUIT\n";
    let after: String = (0..ENDLESS / 18)
        .map(|n| format!("PUT color {n:07}\n"))
        .collect();
    let sent = client.fill(format!("{requests}{after}").as_bytes())?;
    exam.step(format!(
        "sent {}, and more requests: {sent} bytes",
        quote(requests.as_bytes())
    ));
    let serving = server.serves(stream)?;
    client
        .receives(b"OK\nVALUE red\n")
        .because(|case| cause::loses_what_it_has_read(case, 2))?;
    client.ends().because(cause::goes_on_after_quit)?;
    does_not_reset(exam, &client)?;
    client.close();
    serving
        .succeeds("after QUIT, and the client has closed too")
        .because(cause::returns_an_error_at_the_end)
}

/// So long the server must discard what the client still sends.
const LINGERS: Duration = Duration::from_millis(500);

pub(super) fn discards_what_still_comes(exam: &Exam, serve_client: ServeClient) -> Verdict {
    const TRIES: usize = 3;
    let mut long = String::from_utf8(numbered(1025)).expect("numbers are text");
    long.push('\n');
    for (request, talk, pause) in [
        ("QUIT\n", Duration::ZERO, Duration::ZERO),
        (&long, Duration::ZERO, Duration::ZERO),
        ("QUIT\n", LONG_TALK, Duration::ZERO),
        ("QUIT\n", Duration::ZERO, LATE),
    ] {
        let mut tries = 0;
        while !is_discarded(exam, serve_client, request, talk, pause)? {
            tries += 1;
            if tries == TRIES {
                return Err(CheckError::skipped(
                    "the machine is too busy: the client could not send within half a second",
                ));
            }
            exam.step("that took more than half a second, for the machine is busy: once more");
        }
    }
    Ok(())
}

/// A conversation that is longer than the usual time for which a server discards what still comes.
const LONG_TALK: Duration = Duration::from_millis(1500);

/// After this long a client may still send.
const LATE: Duration = Duration::from_millis(420);

/// The request ends the conversation, which has lasted for some time (`talk`), and the client sends
/// more after that: immediately, or this long after its request (`pause`). `false` if there was a
/// reset, and the client was too late.
fn is_discarded(
    exam: &Exam,
    serve_client: ServeClient,
    request: &str,
    talk: Duration,
    pause: Duration,
) -> Verdict<bool> {
    let (client, serving) = Server::new(exam, serve_client).client()?;
    if !talk.is_zero() {
        asks(&client, "PUT color red", "OK")?;
        thread::sleep(talk); // its length is the subject
        exam.step(format!("was silent for {talk:?}"));
    }
    let begun = Instant::now();
    client.send(request.as_bytes())?;
    if request.len() > 1024 {
        is_refused(exam, &client, cause::KNOWS_NO_LIMIT)?;
    }
    client.ends().because(cause::goes_on_after_quit)?;
    exam.comes_to_rest()?; // it waits for what the client still sends, or it has returned
    // Its length is the subject: for half a second the server must discard.
    thread::sleep(pause.saturating_sub(begun.elapsed()));
    let sent = client.send(b"PUT color blue\n");
    let kept = sent.and_then(|()| has_no_reset(exam, &client));
    if kept.is_err() && begun.elapsed() > LINGERS {
        return Ok(false);
    }
    kept.caused_by(match talk.is_zero() {
        true => cause::CLOSES_TOO_SOON,
        false => cause::COUNTS_FROM_THE_BEGINNING,
    })?;
    client.close();
    let _ = serving.returns("after the client has closed too")?;
    Ok(true)
}

pub(super) fn returns_at_end_of_file(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let server = Server::new(exam, serve_client);
    for request in [None, Some("PUT color red")] {
        let (client, serving) = server.client()?;
        if let Some(request) = request {
            asks(&client, request, "OK")?;
        }
        client.half_close()?;
        client.ends().because(cause::answers_the_end_of_file)?;
        serving
            .succeeds("after end of file")
            .because(cause::returns_an_error_at_the_end)?;
    }
    Ok(())
}

pub(super) fn drops_a_line_that_is_cut(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let server = Server::new(exam, serve_client);
    let (client, serving) = server.client()?;
    client.send(b"PUT color red\nPUT color blu")?;
    client.half_close()?;
    client.receives(b"OK\n")?;
    client
        .ends()
        .because(cause::treats_a_cut_line_as_a_request)?;
    let _ = serving.returns("after end of file")?; // an error is allowed: the line was cut
    server
        .tells_another("color", "red")
        .because(cause::treats_a_cut_line_as_a_request)
}

/// What an answer does that returns no error after a reset.
const NO_ERROR: [Diagnosis; 5] = [
    PANICS_ON_AN_ERROR,
    LOSES_THE_ERROR,
    SPINS_AT_END_OF_FILE,
    RETRIES_A_FATAL_ERROR,
    WAITS_FOR_ITS_THREAD,
];

pub(super) fn returns_the_error_of_a_reset(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let server = Server::new(exam, serve_client);
    let (client, serving) = server.client()?;
    let value = String::from_utf8(numbered(1000)).expect("numbers are text");
    asks(&client, &format!("PUT big {value}"), "OK")?;
    asks(&client, "GET big", &format!("VALUE {value}"))?;
    client.reset();
    serving.fails("after a reset").diagnose(&NO_ERROR)?;

    let (client, serving) = server.client()?;
    client.send(b"GET b")?;
    is_read(exam, &client)?;
    client.reset();
    serving
        .fails("after a reset within a request")
        .diagnose(&NO_ERROR)?;

    let (client, pouring, serving) = deaf::client(server, "GET big")?;
    deaf::is_waited_for(exam, &client)?;
    client.reset();
    drop(pouring); // the last handle
    serving
        .fails("after a reset while it was writing")
        .diagnose(&NO_ERROR)?;

    // What has arrived can be read after a reset, and `shutdown` fails with ENOTCONN.
    let (client, stream) = exam.connection()?;
    client.send(b"QUIT\n")?;
    client.reset();
    let end = or_skip("read an address", End::of(&stream))?;
    exam.table_shows(|table| table.find(end).is_none().then_some(()))?;
    let ended = server.serves(stream)?.returns("after QUIT and a reset");
    ended.diagnose(&[PANICS_ON_AN_ERROR])?.ok();

    // In CLOSE_WAIT the kernel reports a reset as EPIPE.
    let (client, serving) = deaf::client_that_has_closed(server, "GET big")?;
    deaf::is_waited_for(exam, &client)?;
    client.reset();
    serving
        .fails("after a reset that followed the client's FIN")
        .diagnose(&NO_ERROR)?;
    Ok(())
}

/// A way in which a conversation ends.
type Ending = fn(&Exam, Peer<'_>, &Serving<'_>) -> Verdict;

/// All of them, each to the client's end.
const ENDINGS: [(&str, Ending); 5] = [
    ("end of file", |_, client, _| {
        client.half_close()?;
        client.ends()
    }),
    ("a request that end of file cuts", |_, client, _| {
        client.send(b"GET col")?;
        client.half_close()?;
        client.ends()
    }),
    ("QUIT", |_, client, _| {
        client.send(b"QUIT\n")?;
        client.ends()
    }),
    ("a request that is too long", |exam, client, _| {
        client.send(&numbered(1025))?;
        is_refused(exam, &client, cause::KNOWS_NO_LIMIT).because(cause::waits_for_the_newline)?;
        client.ends()
    }),
    ("a reset", |_, client, _| {
        client.reset();
        Ok(())
    }),
];

pub(super) fn leaves_nothing_behind(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let server = Server::new(exam, serve_client);
    for (name, ending) in ENDINGS {
        let before = descriptors()?;
        let (client, serving) = server.client()?;
        asks(&client, "PUT color red", "OK")?;
        ending(exam, client, &serving)?; // the client is closed then
        let _ = serving.returns(&format!("after {name}, and the client has closed too"))?;
        exam.must(
            exam.leaves_no_thread()?,
            format!("no thread of yours to be left after {name}"),
            "`serve_client` has returned, and one is left",
        )
        .diagnose(&[LEAVES_A_THREAD])?;
        exam.must(
            exam.comes_true(|| Ok(descriptors()? <= before))?,
            format!("the descriptor of the connection to be closed after {name}"),
            "`serve_client` has returned, and the descriptor is still open",
        )
        .caused_by(cause::LEAKS)?;
    }
    Ok(())
}
