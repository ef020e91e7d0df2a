//! Checks of exercise 7: a line protocol for a store that many clients share.

mod cause;
mod deaf;
mod ends;
mod lock;
mod requests;

use std::{collections::HashMap, io, net::TcpStream, sync::Mutex};

use socket_workshop::table::{End, Table};

use super::Exercise;

use crate::exam::{Answer, Because, Exam, Peer, Rule, Suite, Verdict, check, here, quote};

/// Exercise 7.
pub const EXERCISE: Exercise = Exercise {
    number: 7,
    name: "kv",
    task: "answer requests, a line each, from a store that many clients share",
    hints: [
        "Make one BufReader for the whole connection, outside of the loop: it reads ahead. `read_until` \
         brings bytes up to the newline, or to the end of file: what does the last line look like then? \
         `(&mut reader).take(1025)` keeps a line from growing without end.",
        "Turn a line into its answer in a function of its own, which locks the store and returns a \
         String: when it returns the guard is gone, and only then you write. To end the conversation, \
         `shutdown(Shutdown::Write)` sends the end of file; then read and throw away what still comes, \
         for a second at most: to close with bytes unread sends RST.",
        "loop { line.clear(); (&mut reader).take(1025).read_until(b'\\n', &mut line)?; match \
         line.strip_suffix(b\"\\n\") { None if line.len() <= 1024 => return Ok(()), None => { /* ERR, and \
         end it */ } Some(b\"QUIT\") => { /* end it */ } Some(request) => { let mut text = \
         answer(request, store); text.push('\\n'); (&stream).write_all(text.as_bytes())? } } }",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 7 is held to.
pub const SUITE: Suite<ServeClient> = Suite {
    exercise: EXERCISE.name,
    rules: &[Rule::core(
        "",
        &[
            check(
                "answers before it waits for more",
                requests::answers_before_it_waits_for_more,
            ),
            check("keeps a value's spaces", requests::keeps_a_values_spaces),
            check(
                "takes a request that comes a byte at a time",
                requests::takes_a_byte_at_a_time,
            ),
            check(
                "answers all that came at once, in order",
                requests::answers_all_that_came_at_once,
            ),
            check(
                "goes on after a request that it refuses",
                requests::goes_on_after_what_it_refuses,
            ),
            check(
                "refuses a line of more than 1024 bytes, and no shorter one",
                ends::refuses_what_is_too_long,
            ),
            check(
                "ends a line that has no end, without a reset",
                ends::ends_a_line_without_end,
            ),
            check("ends at QUIT", ends::at_quit),
            check("ends at end of file", ends::at_end_of_file),
            check(
                "does not execute a line that the end of file cuts",
                ends::drops_a_line_that_is_cut,
            ),
            check(
                "does not hold the store while it waits for a client",
                lock::is_not_held_while_it_waits,
            ),
            check(
                "takes a reset for an error",
                ends::takes_a_reset_for_an_error,
            ),
        ],
    )],
    cause: cause::likely,
};

/// The student's function.
pub type ServeClient = fn(TcpStream, &Mutex<HashMap<String, String>>) -> io::Result<()>;

type Serving<'e> = Answer<'e, io::Result<()>>;

/// The store that the clients of a check share, and the function that serves them.
#[derive(Clone, Copy)]
struct Server<'e> {
    exam: &'e Exam,
    serve_client: ServeClient,
    store: &'static Mutex<HashMap<String, String>>,
}

impl<'e> Server<'e> {
    fn new(exam: &'e Exam, serve_client: ServeClient) -> Server<'e> {
        Server {
            exam,
            serve_client,
            store: Box::leak(Box::default()), // a thread that does not come back keeps it
        }
    }

    fn serves(self, stream: TcpStream) -> Verdict<Serving<'e>> {
        let answer = move || (self.serve_client)(stream, self.store);
        self.exam.start("serve_client", answer)
    }

    /// A client, and the thread that serves it.
    fn client(self) -> Verdict<(Peer<'e>, Serving<'e>)> {
        let (client, stream) = self.exam.connection()?;
        Ok((client, self.serves(stream)?))
    }

    /// Another client must find this value.
    fn tells_another(self, key: &str, value: &str) -> Verdict {
        let (client, _serving) = self.client()?;
        let client = client.named("another client");
        asks(&client, &format!("GET {key}"), &format!("VALUE {value}"))
            .because(cause::does_not_share)
    }
}

/// Sends a line, and reads the line that answers it.
fn asks(client: &Peer<'_>, request: &str, answer: &str) -> Verdict {
    client.send(format!("{request}\n").as_bytes())?;
    client.receives(format!("{answer}\n").as_bytes())
}

/// Reads a line, which must be an ERR.
fn is_refused(exam: &Exam, client: &Peer<'_>, if_not: &str) -> Verdict {
    let line = client.line()?;
    let seen = format!("the line {}", quote(&line));
    exam.must(
        line.starts_with(b"ERR"),
        "a line that begins with ERR",
        seen.clone(),
    )
    .caused_by(if_not)?;
    let has_a_reason = line.len() > 4 && line[3] == b' ';
    exam.must(has_a_reason, "a reason behind ERR and a space", seen)
        .caused_by("Whoever reads the answer wants to know what was wrong.")
}

/// Waits until the server has read what the client has sent, or the connection is no more, and says
/// whether either has come about. If not, a check can be made all the same.
fn is_read(exam: &Exam, client: &Peer<'_>) -> Verdict<bool> {
    let end = here("read the client's address", End::of(client.stream()))?;
    let read = |table: &Table| {
        let is_read = table.find(end).is_none_or(|row| {
            let taken = table.find(end.other()).is_some_and(|row| row.recv_q == 0);
            row.send_q == 0 && taken
        });
        is_read.then_some(())
    };
    Ok(exam.table_shows(read)?.is_some())
}
