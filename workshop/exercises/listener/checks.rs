//! Checks of exercise 1: a listening socket with the options asked for, and a server that greets
//! each client immediately and survives the errors of its clients.

mod connection;
mod crowd;
mod descriptors;
pub(super) mod idle;
pub(super) mod options;
pub(super) mod processor;
mod server;
mod socket;

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use socket_workshop::table::{Row, State, Table};
use socket2::SockRef;

use self::{
    crowd::Crowd,
    server::{BUFFER, GREETING, Server, listening},
};
use super::{Exercise, returned::LOOPBACK, shut};

use crate::exam::{
    Because, Call, Case, CheckError, Exam, Rule, Seen, Stuck, Suite, Verdict, check,
    diagnosis::PANICS_ON_AN_ERROR, or_skip, problems,
};

/// Exercise 1.
pub const EXERCISE: Exercise = Exercise {
    number: 1,
    name: "listener",
    task: "listen with a given backlog, and greet every client immediately",
    hints: [
        "`TcpListener::bind` makes three system calls in one, and has no argument for the backlog. \
         socket2 has them one by one: `Socket::new`, an option, `bind`, `listen`. In `serve`, the \
         thread that calls accept must not wait for a client.",
        "`bind` reads SO_REUSEADDR: set it before. A thread for each connection writes the \
         greeting, then reads until Ok(0). Look at each error of accept: does it concern one \
         connection, the whole process (EMFILE: wait a little, and try again), or the listener \
         (return it)?",
        "thread::scope(|connections| loop { match listener.accept() { Ok((mut stream, _)) => { \
         connections.spawn(move || stream.write_all(greeting).and_then(|()| io::copy(&mut stream, \
         &mut io::sink()))); } Err(error) if error.raw_os_error() == Some(24) => \
         thread::sleep(Duration::from_millis(50)), Err(error) => return Err(error) } })",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 1 is held to.
pub const SUITE: Suite<Functions> = Suite {
    exercise: EXERCISE.name,
    rules: &[
        Rule::core(
            "`listen` listens on exactly the address that it is given, IPv4 or IPv6.",
            &[check(
                "listens on the given address",
                socket::listens_on_the_given_address,
            )],
        ),
        Rule::core(
            "`listen` asks the kernel for the backlog that it is given.",
            &[check(
                "asks for the given backlog",
                socket::asks_for_the_given_backlog,
            )],
        ),
        Rule::core(
            "`serve` sends each client the greeting and nothing else. The client does not have to \
             send anything first.",
            &[
                check(
                    "greets a client that sends nothing",
                    greets_a_client_that_sends_nothing,
                ),
                check(
                    "sends nothing but the greeting",
                    connection::sends_nothing_but_the_greeting,
                ),
                check(
                    "sends the greeting byte for byte",
                    connection::sends_the_greeting_as_it_is,
                ),
            ],
        ),
        Rule::core(
            "`serve` greets a new client immediately, however many others are connected and \
             silent.",
            &[
                check(
                    "greets a client while another is silent",
                    greets_a_client_while_another_is_silent,
                ),
                check("greets 150 clients that stay", greets_many_clients),
            ],
        ),
        Rule::core(
            "`serve` keeps a connection until end of file, and reads and discards what the client \
             sends.",
            &[
                check("keeps a silent client", connection::keeps_a_silent_client),
                check(
                    "discards what a client sends",
                    connection::discards_what_a_client_sends,
                ),
                check(
                    "keeps a client when the greeting is empty",
                    connection::keeps_a_client_without_a_greeting,
                ),
                check(
                    "reads what a client sends, and keeps the connection",
                    connection::reads_and_keeps,
                ),
            ],
        ),
        Rule::core(
            "`serve` closes the connection at end of file.",
            &[check(
                "closes at end of file",
                connection::closes_at_the_end,
            )],
        ),
        Rule::core(
            "`serve` returns when the listener fails, with the error of `accept`. Until then it \
             goes on.",
            &[
                check(
                    "goes on while the listener is open",
                    goes_on_while_the_listener_is_open,
                ),
                check("returns the error of accept", returns_the_error_of_accept),
            ],
        ),
        Rule::hardened(
            "`listen` sets SO_REUSEADDR before `bind`, so that TIME_WAIT does not block a restart.",
            &[check(
                "takes its address back from TIME_WAIT",
                socket::takes_its_address_back,
            )],
        ),
        Rule::hardened(
            "If the address is in use, `listen` returns the error of `bind` and leaves no \
             descriptor open.",
            &[
                check(
                    "returns AddrInUse for an address in use",
                    socket::refuses_an_address_in_use,
                ),
                check(
                    "closes its socket when bind fails",
                    socket::closes_its_socket_when_bind_fails,
                ),
            ],
        ),
        Rule::hardened(
            "`listen` returns a blocking socket, and sets no timeout and no SO_LINGER: connections \
             would inherit them.",
            &[check(
                "sets no option that connections inherit",
                socket::sets_no_other_option,
            )],
        ),
        Rule::hardened(
            "`serve` sends the whole greeting, even if it is longer than the socket buffers. A \
             client that does not read it delays no other client.",
            &[
                check(
                    "sends a greeting longer than the buffers",
                    connection::sends_a_long_greeting,
                ),
                check(
                    "sends the rest of the greeting after a pause",
                    connection::sends_the_rest_after_a_pause,
                ),
                check(
                    "sends the whole greeting after a half-close",
                    connection::sends_it_all_after_a_half_close,
                ),
                check(
                    "greets a client while another does not read",
                    greets_a_client_while_another_does_not_read,
                ),
            ],
        ),
        Rule::hardened(
            "An error of one connection, such as a reset, ends that connection only. No thread \
             panics.",
            &[
                check("survives a reset before accept", survives_an_early_reset),
                check(
                    "survives the reset of a greeted client",
                    survives_a_late_reset,
                ),
                check(
                    "survives a reset in the middle of the greeting",
                    survives_a_reset_in_the_middle,
                ),
            ],
        ),
        Rule::hardened(
            "While there is nothing to do, `serve` waits in the kernel for the next event. It does \
             not spin (run in a loop without waiting), and it does not wait by sleeping.",
            &[
                check("waits without spinning", idle::waits_without_spinning),
                check(
                    "waits for clients in accept or poll",
                    idle::waits_for_clients_in_accept_or_poll,
                ),
                check(
                    "waits for bytes in read or poll",
                    idle::waits_for_bytes_in_read_or_poll,
                ),
            ],
        ),
        Rule::hardened(
            "When no descriptor is left (EMFILE), `serve` keeps the clients it has, and leaves new \
             ones in the accept queue. It tries again at least once a second, and does not spin.",
            &[
                check(
                    "serves again after a shortage of descriptors",
                    descriptors::serves_again_after_a_shortage,
                ),
                check(
                    "does not spin during a shortage",
                    descriptors::does_not_spin_during_a_shortage,
                ),
                check(
                    "tries again within a second, however long the shortage",
                    descriptors::tries_again_within_a_second,
                ),
            ],
        ),
        Rule::hardened(
            "When a connection has ended, `serve` closes its descriptor and ends its thread.",
            &[
                check(
                    "leaves nothing of a connection after end of file",
                    connection::leaves_nothing_after_end_of_file,
                ),
                check(
                    "leaves nothing of a connection after a reset",
                    connection::leaves_nothing_after_a_reset,
                ),
            ],
        ),
    ],
    cause: diagnose,
};

/// The student's functions.
pub type Functions = (Listen, Serve);

/// Opens a listening socket.
pub type Listen = fn(SocketAddr, i32) -> io::Result<TcpListener>;

/// Greets each client that connects.
pub type Serve = fn(&TcpListener, &[u8]) -> io::Result<()>;

/// Waits until the kernel's rows are so. `false` if they never will be.
fn rows_become(exam: &Exam, holds: impl Fn(&[Row]) -> bool) -> Verdict<bool> {
    let look = |table: &Table| holds(&table.rows).then_some(());
    Ok(exam.table_shows(look)?.is_some())
}

fn greets_a_client_that_sends_nothing(exam: &Exam, answer: Functions) -> Verdict {
    let server = Server::start(exam, answer)?;
    exam.comes_to_rest()?;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let client = exam.dial(server.addr)?;
        idle::sleeps_before_the_greeting(&server, &client)?;
        server.greets(&client)?;
        clients.push(client); // a thread may sleep after it has ended
    }
    Ok(())
}

fn greets_a_client_while_another_is_silent(exam: &Exam, answer: Functions) -> Verdict {
    let server = Server::start(exam, answer)?;
    let first = exam.dial(server.addr)?.named("first client");
    server.greets(&first)?;
    let second = exam.dial(server.addr)?.named("second client");
    server.greets(&second)
}

/// Fifty at a time, for which the accept queue has room; and all of them stay.
fn greets_many_clients(exam: &Exam, answer: Functions) -> Verdict {
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

fn greets_a_client_while_another_does_not_read(exam: &Exam, answer: Functions) -> Verdict {
    let server = Server::with_a_long_greeting(exam, answer)?;
    let first = exam.dial(server.addr)?.named("first client");
    let is_set = SockRef::from(first.stream()).set_recv_buffer_size(BUFFER);
    or_skip("set the size of a buffer", is_set)?;
    server.sends(&first, 0..GREETING.len())?;
    exam.step("first client: reads no more");
    let second = exam.dial(server.addr)?.named("second client");
    server.greets(&second)?;
    server.sends(&first, GREETING.len()..server.greeting.len())
}

/// Linux hands a connection to accept even if it has been reset: every later call on it fails.
fn survives_an_early_reset(exam: &Exam, (listen, serve): Functions) -> Verdict {
    let listener = listening(exam, listen, LOOPBACK, 8)?;
    let addr = or_skip("read its address", listener.local_addr())?;
    let early = exam.dial(addr)?.named("first client");
    let port = early.addr()?.port();
    early.reset();
    let of_client = |row: &Row| row.local.port() == port || row.peer.port() == port;
    if !rows_become(exam, |rows| !rows.iter().any(of_client))? {
        return Err(CheckError::skipped("a reset is not seen by the other end"));
    }
    exam.step("only now started your `serve`");
    let server = Server::on(exam, listener, serve, GREETING)?;
    survives(&server)
}

fn survives_a_late_reset(exam: &Exam, answer: Functions) -> Verdict {
    let server = Server::start(exam, answer)?;
    let first = exam.dial(server.addr)?.named("first client");
    server.greets(&first)?;
    first.reset();
    survives(&server)
}

fn survives_a_reset_in_the_middle(exam: &Exam, answer: Functions) -> Verdict {
    let server = Server::with_a_long_greeting(exam, answer)?;
    let first = exam.dial(server.addr)?.named("first client");
    let is_set = SockRef::from(first.stream()).set_recv_buffer_size(BUFFER);
    or_skip("set the size of a buffer", is_set)?;
    server.sends(&first, 0..GREETING.len())?;
    exam.comes_to_rest()?; // it waits for room, in a write or in poll
    first.reset();
    survives(&server)
}

/// The next client is served, and no thread has panicked.
fn survives(server: &Server) -> Verdict {
    let exam = server.exam;
    let next = exam.dial(server.addr)?.named("next client");
    server.greets(&next)?;
    exam.comes_to_rest()?; // then what they do about a reset is done
    exam.must(problems().is_empty(), "no panic", "a thread has panicked")
        .diagnose(&[PANICS_ON_AN_ERROR])
}

fn goes_on_while_the_listener_is_open(exam: &Exam, answer: Functions) -> Verdict {
    let server = Server::start(exam, answer)?;
    let first = exam.dial(server.addr)?.named("first client");
    server.greets(&first)?;
    first.half_close()?;
    first.ends().because(connection::stays_open)?;
    let second = exam.dial(server.addr)?.named("second client");
    server.greets(&second)?;
    let goes_on = server.answer.goes_on("its listener has not failed");
    goes_on.caused_by(
        "Clients are greeted, but `serve` has returned: another thread of your code accepts them, \
         and its error does not reach the caller. Accept in `serve` itself, or join the thread \
         that does.",
    )
}

fn returns_the_error_of_accept(exam: &Exam, answer: Functions) -> Verdict {
    let server = Server::start(exam, answer)?;
    let client = exam.dial(server.addr)?;
    server.greets(&client)?;
    shut::shut_down(exam, &server.listener)?;
    client.close();
    let error = server.answer.fails("when accept fails").because(|case| {
        let cause = if case.panicked {
            "An `unwrap` or `expect` turns the error of accept into a panic. Return it: the caller \
             must know."
        } else if server.answer.has_ended() {
            "Your code dropped the error of accept: a `break` left the loop, or the loop ended as \
             if there were no more clients, or your code returns Ok for this error, or a thread \
             that `serve` does not join has the error. Return it."
        } else if matches!(case.stuck, Some(Stuck::Spin(..))) {
            "The socket no longer listens. Your loop calls accept again and again, and each call \
             fails immediately. Try again after temporary errors, such as EMFILE, and return every \
             other error."
        } else if case.is_blocked_in(&[Call::Sleep]) {
            "The socket no longer listens, and your thread sleeps before it tries again. Only \
             temporary errors, such as EMFILE, are worth another try. Return every other error."
        } else {
            "The socket no longer listens: each call of accept returns EINVAL immediately. `serve` \
             has not returned. Return that error, and do not wait for an event that only a new \
             client could cause."
        };
        Some(cause.to_owned())
    })?;
    shut::is_its_error(exam, &error)
}

/// What a server can do wrong in any check, by what the kernel shows.
fn diagnose(case: &Case) -> Option<String> {
    let listens = |seen: &Seen| seen.row.state == State::Listen;
    let refuses = !case.panicked && !case.evidence.sockets.iter().any(listens);
    refuses.then(|| {
        "No socket is in LISTEN on this port, so the kernel refuses every client. `bind` gives a \
         socket its address; the socket listens only after `listen`."
            .to_owned()
    })
}
