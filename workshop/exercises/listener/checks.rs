//! Checks of exercise 1: a listening socket as it was asked for, and a server that greets each
//! client at once and outlives their errors.

mod connection;
mod crowd;
mod descriptors;
pub(super) mod processor;
mod server;
mod socket;

use std::{
    io::{self, ErrorKind},
    net::{Shutdown, SocketAddr, TcpListener},
};

use socket_workshop::table::{Row, State, Table};
use socket2::SockRef;

use self::{
    crowd::Crowd,
    server::{BUFFER, GREETING, LOOPBACK, Server, listening},
};
use super::Exercise;

use crate::exam::{
    Because, Call, Case, Exam, Rule, Seen, Stuck, Suite, Unmet, Verdict, check, here, problems,
};

/// Exercise 1.
pub const EXERCISE: Exercise = Exercise {
    number: 1,
    name: "listener",
    task: "listen as asked, and greet every client at once",
    hints: [
        "`TcpListener::bind` makes three system calls in one, and has no room for a backlog. socket2 \
         has them one by one: `Socket::new`, an option, `bind`, `listen`. In `serve`, whatever waits \
         for one client must not be what calls accept.",
        "SO_REUSEADDR is read by `bind`: set it before. A thread for each connection writes the \
         greeting, then reads until Ok(0). Look at each error of accept: is it of one connection, of \
         the whole process (EMFILE: wait a little, and try again), or of the listener (return it)?",
        "thread::scope(|connections| loop { match listener.accept() { Ok((mut stream, _)) => { \
         connections.spawn(move || stream.write_all(greeting).and_then(|()| io::copy(&mut stream, \
         &mut io::sink()))); } Err(error) if error.raw_os_error() == Some(24) => \
         thread::sleep(Duration::from_millis(50)), Err(error) => return Err(error) } })",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 1 is held to.
pub const SUITE: Suite<Answer> = Suite {
    exercise: EXERCISE.name,
    rules: &[Rule::core(
        "",
        &[
            check(
                "listens on the address it was given, IPv4 or IPv6",
                socket::listens_on_the_address_it_was_given,
            ),
            check(
                "has the backlog that was asked for",
                socket::has_the_backlog_that_was_asked_for,
            ),
            check(
                "refuses an address that is in use",
                socket::refuses_an_address_in_use,
            ),
            check(
                "takes its address back from TIME_WAIT",
                socket::takes_its_address_back,
            ),
            check(
                "greets a client that says nothing",
                greets_a_client_that_says_nothing,
            ),
            check(
                "greets the next client whatever the others do",
                greets_the_next_client,
            ),
            check(
                "greets a hundred and fifty clients at once",
                greets_many_clients_at_once,
            ),
            check(
                "holds a connection until its client closes",
                connection::is_held,
            ),
            check("closes when its client has closed", connection::is_closed),
            check(
                "goes on after connections that were reset",
                goes_on_after_resets,
            ),
            check(
                "outlives a lack of descriptors without spinning",
                descriptors::outlives_a_lack_of_descriptors,
            ),
            check(
                "ends with accept's error when the listener fails",
                ends_when_the_listener_fails,
            ),
        ],
    )],
    cause: likely,
};

/// The student's functions.
pub type Answer = (Listen, Serve);

/// Opens a listening socket.
pub type Listen = fn(SocketAddr, i32) -> io::Result<TcpListener>;

/// Greets whoever connects.
pub type Serve = fn(&TcpListener, &[u8]) -> io::Result<()>;

/// Waits until the kernel's rows are so. `false` if they never will be.
fn rows_become(exam: &Exam, holds: impl Fn(&[Row]) -> bool) -> Verdict<bool> {
    let look = |table: &Table| holds(&table.rows).then_some(());
    Ok(exam.table_shows(look)?.is_some())
}

fn greets_a_client_that_says_nothing(exam: &Exam, answer: Answer) -> Verdict {
    let server = Server::start(exam, answer)?;
    let client = exam.dial(server.addr)?;
    server.greets(&client)
}

fn greets_the_next_client(exam: &Exam, answer: Answer) -> Verdict {
    let server = Server::with_a_long_greeting(exam, answer)?;
    let first = exam.dial(server.addr)?.named("first client");
    server.greets(&first)?;
    let second = exam.dial(server.addr)?.named("second client");
    let is_set = SockRef::from(second.stream()).set_recv_buffer_size(BUFFER);
    here("set the size of a buffer", is_set)?;
    server.sends(&second, 0..GREETING.len())?;
    exam.step("second client: reads no more");
    let third = exam.dial(server.addr)?.named("third client");
    server.greets(&third)?;
    server.sends(&second, GREETING.len()..server.greeting.len())?;
    let goes_on = server.answer.goes_on("its listener has not failed");
    goes_on.caused_by(
        "Clients are greeted, but not by `serve`: a thread that it has left behind accepts them, and \
         nobody hears of its error. `serve` returns when the listener fails, and not before.",
    )
}

/// Fifty at a time, for which the accept queue has room; and all of them stay.
fn greets_many_clients_at_once(exam: &Exam, answer: Answer) -> Verdict {
    let server = Server::start(exam, answer)?;
    let mut crowds = Vec::new();
    for _ in 0..3 {
        let clients = Crowd::of(50, &server)?;
        clients.have_connected(clients.connect()?)?;
        clients.are_greeted()?;
        crowds.push(clients);
    }
    Ok(())
}

/// Linux gives a connection to accept although it has been reset meanwhile: whatever is asked of it
/// then is an error.
fn goes_on_after_resets(exam: &Exam, (listen, serve): Answer) -> Verdict {
    let listener = listening(exam, listen, LOOPBACK, 8)?;
    let addr = here("read its address", listener.local_addr())?;
    let early = exam.dial(addr)?.named("first client");
    let port = early.addr()?.port();
    early.reset();
    let of_client = |row: &Row| row.local.port() == port || row.peer.port() == port;
    if !rows_become(exam, |rows| !rows.iter().any(of_client))? {
        return Err(Unmet::not_here("a reset is not seen by the other end"));
    }
    exam.step("only now started your `serve`");
    let server = Server::on(exam, listener, serve, GREETING)?;
    let second = exam.dial(addr)?.named("second client");
    server.greets(&second)?;
    second.reset();
    let third = exam.dial(addr)?.named("third client");
    server.greets(&third)?;
    exam.comes_to_rest()?; // then what they do about a reset is done
    exam.must(problems().is_empty(), "no panic", "a thread has panicked")
        .caused_by(
            "A reset is an error of one connection, and an ordinary event: peers crash. `unwrap` makes a \
             panic of it. Let the connection's thread return.",
        )
}

fn ends_when_the_listener_fails(exam: &Exam, answer: Answer) -> Verdict {
    let server = Server::start(exam, answer)?;
    let shut_down = SockRef::from(&*server.listener).shutdown(Shutdown::Both);
    exam.must(
        shut_down.is_ok(),
        "a socket that listens",
        "it does not listen",
    )?;
    exam.step("shut the listening socket down: it is no longer in LISTEN, and accept gives EINVAL");
    let error = server.answer.fails("when accept fails").because(|case| {
        let cause = if case.panicked {
            "An `unwrap` or `expect` makes a panic of accept's error. It is the caller's to know: return \
             it."
        } else if server.answer.has_ended() {
            "Accept's error was lost: the loop was left by `break`, or ended as if there were no more \
             clients (a listener has no end of file), or a thread that `serve` did not wait for has it. \
             Return it."
        } else if matches!(case.stuck, Some(Stuck::Spin(..))) {
            "The socket does not listen any more, and your thread is running: it calls accept again \
             and again, which fails at once each time. Go on after errors that you know to pass, and \
             return any other."
        } else if case.is_blocked_in(&[Call::Sleep]) {
            "The socket does not listen any more, and your thread sleeps, as if that would pass. Wait \
             after errors that you know to pass, such as EMFILE, and return any other."
        } else {
            "The socket does not listen any more: each call of accept returns EINVAL at once. `serve` goes \
             on all the same. Return that error, and wait for nothing that only another client could end."
        };
        Some(cause.to_owned())
    })?;
    let expected = "the error of accept, EINVAL, of kind InvalidInput";
    let seen = format!("{error} ({:?})", error.kind());
    exam.must(error.kind() == ErrorKind::InvalidInput, expected, seen)
        .caused_by("Return the error that accept gave, as it is: the caller looks at its kind.")
}

/// What a server can do wrong in any check, by what the kernel shows.
fn likely(case: &Case) -> Option<String> {
    let listens = |seen: &Seen| seen.row.state == State::Listen;
    let nobody = !case.panicked && !case.evidence.sockets.iter().any(listens);
    nobody.then(|| {
        "No socket is in LISTEN on this port, so whoever connects is refused. `bind` gives a socket its \
         address; it listens only after `listen`."
            .to_owned()
    })
}
