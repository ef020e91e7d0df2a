//! Checks of exercise 7: a line protocol for a store that many clients share.

mod cause;
mod deaf;
mod ends;
mod lock;
mod long;
mod requests;

use std::{collections::HashMap, io, net::TcpStream, sync::Mutex};

use socket_workshop::table::{End, Table};

use super::Exercise;

use crate::exam::{Because, Exam, Peer, Rule, Running, Suite, Verdict, check, or_skip, quote};

/// Exercise 7.
pub const EXERCISE: Exercise = Exercise {
    number: 7,
    name: "kv",
    task: "answer requests, one per line, from a store that many clients share",
    hints: [
        "Make one BufReader for the whole connection, outside the loop: it reads ahead. \
         `read_until` returns the bytes up to the newline, or up to end of file: what does the \
         last line look like then? `(&mut reader).take(1025)` limits the length of a line.",
        "Turn a line into its answer in a function that locks the store and returns a String. When \
         it returns, the guard is dropped: write only then. To end the conversation, \
         `shutdown(Shutdown::Write)` sends end of file. Then read and discard what still comes, \
         for a second at most: closing a socket with bytes unread sends RST.",
        "loop { line.clear(); (&mut reader).take(1025).read_until(b'\\n', &mut line)?; match \
         line.strip_suffix(b\"\\n\") { None if line.len() <= 1024 => return Ok(()), None => { /* \
         ERR, then end it */ } Some(b\"QUIT\") => { /* end it */ } Some(request) => { let mut text \
         = answer(request, store); text.push('\\n'); (&stream).write_all(text.as_bytes())? } } }",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 7 is held to.
pub const SUITE: Suite<ServeClient> = Suite {
    exercise: EXERCISE.name,
    rules: &[
        Rule::core(
            "Answer each request with one line that ends with `\\n`. Send it before you wait \
             for more, even if a part of the next request has arrived.",
            &[
                check(
                    "answers before it waits for more",
                    requests::answers_before_it_waits,
                ),
                check(
                    "answers a request before the next is complete",
                    requests::answers_before_the_next_is_complete,
                ),
            ],
        ),
        Rule::core(
            "A space ends the key. Store everything after that space as the value, byte for \
             byte. The value may be empty. All clients share the store.",
            &[
                check("keeps a value's spaces", requests::keeps_a_values_spaces),
                check(
                    "ends a key at a space only",
                    requests::ends_a_key_at_a_space,
                ),
                check("stores every byte of a value", requests::stores_every_byte),
                check("shares the store", requests::shares_the_store),
            ],
        ),
        Rule::core(
            "Wait for the `\\n` of a request. A request may arrive in any number of pieces.",
            &[check(
                "joins a request that comes byte by byte",
                requests::joins_a_request,
            )],
        ),
        Rule::core(
            "Answer every request that has arrived, in order. One read may bring many of \
             them.",
            &[
                check(
                    "answers all requests of one read",
                    requests::answers_all_of_one_read,
                ),
                check("answers in order", requests::answers_in_order),
            ],
        ),
        Rule::core(
            "Answer ERR to an unknown or incomplete request, to an empty line, and to a line \
             that is not UTF-8. Then go on.",
            &[
                check(
                    "refuses every other request",
                    requests::refuses_every_other_request,
                ),
                check(
                    "refuses a request that is not UTF-8",
                    requests::refuses_what_is_not_utf8,
                ),
            ],
        ),
        Rule::core(
            "Keep a silent client. It is still connected.",
            &[check(
                "keeps a silent client",
                requests::keeps_a_silent_client,
            )],
        ),
        Rule::core(
            "At end of file close the connection and return Ok(()). Neither execute nor \
             answer a last line without its `\\n`.",
            &[
                check("returns at end of file", ends::returns_at_end_of_file),
                check(
                    "drops a request that end of file cuts",
                    ends::drops_a_line_that_is_cut,
                ),
            ],
        ),
        Rule::core(
            "At QUIT send your FIN right after the last answer, without waiting for the \
             client. Execute nothing that comes after QUIT. Return Ok(()) at the latest when \
             the client has closed.",
            &[
                check("sends end of file at QUIT", ends::sends_end_of_file_at_quit),
                check(
                    "executes nothing after QUIT",
                    ends::executes_nothing_after_quit,
                ),
            ],
        ),
        Rule::core(
            "Do not hold the lock while you read or write. A client that is silent, or does \
             not read its answers, must not delay the others.",
            &[
                check("holds no lock while it reads", lock::not_while_it_reads),
                check("holds no lock while it writes", lock::not_while_it_writes),
                check("holds no lock after QUIT", lock::not_after_quit),
            ],
        ),
        Rule::hardened(
            "Accept a request of 1024 bytes, not counting its `\\n`. Answer ERR to a longer \
             one as soon as it is too long, then end the conversation as at QUIT.",
            &[
                check("accepts a request of 1024 bytes", long::accepts_1024_bytes),
                check("refuses a request of 1025 bytes", long::refuses_1025_bytes),
                check(
                    "refuses a long request before its newline comes",
                    long::refuses_before_the_newline,
                ),
                check(
                    "ends the conversation after a long request",
                    long::ends_the_conversation,
                ),
            ],
        ),
        Rule::hardened(
            "Do not reset a connection that you end. Until the client closes, discard what it \
             still sends. You may stop after 1 MiB, or after half a second.",
            &[
                check(
                    "does not reset the connection after QUIT",
                    ends::does_not_reset_after_quit,
                ),
                check(
                    "does not reset the connection after a long request",
                    long::does_not_reset,
                ),
                check(
                    "discards what the client sends after the end of file",
                    ends::discards_what_still_comes,
                ),
            ],
        ),
        Rule::hardened(
            "When the connection is reset, return the error. Do not panic.",
            &[check(
                "returns the error of a reset",
                ends::returns_the_error_of_a_reset,
            )],
        ),
        Rule::hardened(
            "Once the client has closed, leave no descriptor and no thread behind on any \
             path.",
            &[check(
                "leaves nothing behind on any path",
                ends::leaves_nothing_behind,
            )],
        ),
    ],
    cause: cause::diagnose,
};

/// The student's function.
pub type ServeClient = fn(TcpStream, &Mutex<HashMap<String, String>>) -> io::Result<()>;

type Serving<'e> = Running<'e, io::Result<()>>;

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
    exam.must(has_a_reason, "a reason after ERR and a space", seen)
        .caused_by(
            "Your answer has no reason. Write ERR, a space, and what is wrong with the request.",
        )
}

/// Waits until the server has read what the client has sent, or the connection is gone, and says
/// whether either has come about. If not, a check can be made all the same.
fn is_read(exam: &Exam, client: &Peer<'_>) -> Verdict<bool> {
    let end = or_skip("read the client's address", End::of(client.stream()))?;
    let read = |table: &Table| {
        let is_read = table.find(end).is_none_or(|row| {
            let taken = table.find(end.other()).is_some_and(|row| row.recv_q == 0);
            row.send_q == 0 && taken
        });
        is_read.then_some(())
    };
    Ok(exam.table_shows(read)?.is_some())
}
