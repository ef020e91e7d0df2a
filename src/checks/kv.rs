//! Checks of exercise 7: a line protocol for a store that many clients share.

mod cause;
mod lock;

use std::{collections::HashMap, io, net::TcpStream, sync::Mutex, time::Duration};

use super::Exercise;
use crate::{
    deadline::Deadline,
    exam::{Answer, Because, Exam, Peer, Suite, Verdict, here, quote},
    table::End,
};

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
    checks: || SUITE.names(),
};

/// What exercise 7 is held to.
pub const SUITE: Suite<ServeClient> = Suite {
    exercise: EXERCISE.name,
    checks: &[
        (
            "answers before it waits for more",
            answers_before_it_waits_for_more,
        ),
        ("keeps a value's spaces", keeps_a_values_spaces),
        (
            "takes a request that comes a byte at a time",
            takes_a_byte_at_a_time,
        ),
        (
            "answers all that came at once, in order",
            answers_all_that_came_at_once,
        ),
        (
            "goes on after a request that it refuses",
            goes_on_after_what_it_refuses,
        ),
        (
            "refuses a line of more than 1024 bytes, and no shorter one",
            refuses_what_is_too_long,
        ),
        (
            "ends a line that has no end, without a reset",
            ends_a_line_without_end,
        ),
        ("ends at QUIT", ends_at_quit),
        ("ends at end of file", ends_at_end_of_file),
        (
            "does not execute a line that the end of file cuts",
            drops_a_line_that_is_cut,
        ),
        (
            "does not hold the store while it waits for a client",
            lock::is_not_held_while_it_waits,
        ),
        ("takes a reset for an error", takes_a_reset_for_an_error),
    ],
    cause: cause::likely,
};

/// The student's function.
pub type ServeClient = fn(TcpStream, &Mutex<HashMap<String, String>>) -> io::Result<()>;

type Serving<'e> = Answer<'e, io::Result<()>>;

/// How many requests come at once.
const MANY: usize = 100;

/// More than a line may have, all of it sent before the server reads a byte.
const ENDLESS: usize = 1 << 20;

/// How long a check waits to see that the server has come as far as it wants it to be. If that
/// cannot be seen, the check is made all the same.
const TO_GET_THERE: Duration = Duration::from_secs(1);

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

/// Waits until the server has read what the client has sent, and says whether it has.
fn is_read(exam: &Exam, client: &Peer<'_>, limit: Deadline) -> Verdict<bool> {
    let end = here("read the client's address", End::of(client.stream()))?;
    let read = || {
        let table = exam.table().unwrap_or_default();
        let arrived = table.find(end).is_none_or(|row| row.send_q == 0);
        let taken = table.find(end.other()).is_none_or(|row| row.recv_q == 0);
        Ok((arrived && taken).then_some(()))
    };
    Ok(here("read the socket table", limit.wait_for(read))?.is_some())
}

fn answers_before_it_waits_for_more(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let (client, serving) = Server::new(exam, serve_client).client()?;
    asks(&client, "GET color", "NONE")?;
    asks(&client, "PUT color red", "OK")?;
    asks(&client, "GET color", "VALUE red")?;
    asks(&client, "PUT color blue", "OK")?;
    asks(&client, "GET color", "VALUE blue")?;
    serving.goes_on("the client has not closed")
}

fn keeps_a_values_spaces(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let (client, _serving) = Server::new(exam, serve_client).client()?;
    let value = "  to be,  or not \r";
    asks(&client, &format!("PUT motto {value}"), "OK").because(cause::changes_the_value)?;
    asks(&client, "GET motto", &format!("VALUE {value}")).because(cause::changes_the_value)
}

fn takes_a_byte_at_a_time(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let (client, _serving) = Server::new(exam, serve_client).client()?;
    let limit = Deadline::after(TO_GET_THERE / 2);
    let mut reads = true;
    for (request, answer) in [("PUT color red", "OK\n"), ("GET color", "VALUE red\n")] {
        exam.step(format!(
            "sends {}, the next byte when the last has been read",
            quote(request.as_bytes())
        ));
        for byte in request.as_bytes() {
            client.fill(&[*byte])?;
            reads = reads && is_read(exam, &client, limit)?;
        }
        client
            .hears_nothing_for(Duration::from_millis(20))
            .because(cause::takes_a_read_for_a_line)?;
        client.send(b"\n")?;
        client.receives(answer.as_bytes())?;
    }
    Ok(())
}

fn answers_all_that_came_at_once(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let (client, stream) = exam.connection()?;
    let (mut requests, mut answers) = (String::new(), String::new());
    for n in 0..MANY / 2 {
        requests += &format!("PUT key{n} {n}\nGET key{n}\n");
        answers += &format!("OK\nVALUE {n}\n");
    }
    client.send(requests.as_bytes())?;
    let _serving = Server::new(exam, serve_client).serves(stream)?;
    client
        .receives(answers.as_bytes())
        .because(|case| cause::loses_what_it_has_read(case, MANY))
}

fn goes_on_after_what_it_refuses(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let (client, _serving) = Server::new(exam, serve_client).client()?;
    asks(&client, "PUT color red", "OK")?;
    for request in [
        "DELETE color",
        "PUT color",
        "GET",
        "",
        "get color",
        "GET color red",
        "QUITE",
    ] {
        client.send(format!("{request}\n").as_bytes())?;
        is_refused(exam, &client, cause::TAKES_ANYTHING)?;
    }
    client.send(b"PUT color \xff\xfe\n")?;
    is_refused(exam, &client, cause::TAKES_BYTES_FOR_TEXT)
        .because(cause::ends_at_a_line_that_is_no_text)?;
    asks(&client, "GET color", "VALUE red")
}

fn refuses_what_is_too_long(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let (client, serving) = Server::new(exam, serve_client).client()?;
    let longest = "x".repeat(1024 - "PUT key ".len());
    exam.step("sends a line of 1024 bytes and its newline");
    asks(&client, &format!("PUT key {longest}"), "OK").because(cause::counts_the_newline)?;
    asks(&client, "GET key", &format!("VALUE {longest}"))?;
    exam.step("sends a line of 1025 bytes and its newline, and another line");
    client.send(format!("GET nothing\nPUT key {longest}x\nGET key\n").as_bytes())?;
    client.receives(b"NONE\n")?; // what came before it is answered, and first
    is_refused(exam, &client, cause::KNOWS_NO_LIMIT)?;
    client
        .ends()
        .because(cause::goes_on_after_a_line_too_long)?;
    client.close();
    let _ = serving.returns("after the client has closed too")?; // Ok or an error: as it likes

    let (client, _serving) = Server::new(exam, serve_client).client()?;
    exam.step("sends 1025 bytes without a newline, and waits");
    client.send(&[b'x'; 1025])?;
    is_refused(exam, &client, cause::KNOWS_NO_LIMIT).because(cause::waits_for_the_newline)
}

/// What the client sends is there before the server begins, and it sends nothing more: a write after
/// a reset would take the error along, and leave an end of file to the read.
fn ends_a_line_without_end(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let (client, stream) = exam.connection()?;
    let sent = client.fill(&vec![b'x'; ENDLESS])?;
    exam.step(format!("sent {sent} bytes without a newline"));
    let serving = Server::new(exam, serve_client).serves(stream)?;
    is_refused(exam, &client, cause::KNOWS_NO_LIMIT).because(cause::waits_for_the_newline)?;
    client
        .ends()
        .because(cause::goes_on_after_a_line_too_long)?;
    client.close();
    let _ = serving.returns("after the client has closed too")?; // Ok or an error: as it likes
    Ok(())
}

fn ends_at_quit(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let server = Server::new(exam, serve_client);
    let (client, serving) = server.client()?;
    client.send(b"PUT color red\nGET color\nQUIT\nPUT color blue\n")?;
    client
        .receives(b"OK\nVALUE red\n")
        .because(|case| cause::loses_what_it_has_read(case, 2))?;
    client.ends().because(cause::goes_on_after_quit)?;
    client.close();
    serving
        .succeeds("after QUIT, and the client has closed too")
        .because(cause::takes_the_end_for_an_error)?;
    server
        .tells_another("color", "red")
        .because(cause::executes_what_comes_behind_quit)
}

fn ends_at_end_of_file(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let server = Server::new(exam, serve_client);
    for request in [None, Some("PUT color red")] {
        let (client, serving) = server.client()?;
        if let Some(request) = request {
            asks(&client, request, "OK")?;
        }
        client.half_close()?;
        client.ends().because(cause::answers_the_end_of_file)?;
        serving
            .succeeds("after the end of file")
            .because(cause::takes_the_end_for_an_error)?;
    }
    Ok(())
}

fn drops_a_line_that_is_cut(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let server = Server::new(exam, serve_client);
    let (client, serving) = server.client()?;
    client.send(b"PUT color red\nPUT color blu")?;
    client.half_close()?;
    client.receives(b"OK\n")?;
    client
        .ends()
        .because(cause::takes_a_cut_line_for_a_request)?;
    let _ = serving.returns("after the end of file")?; // an error is allowed: the line was cut
    server
        .tells_another("color", "red")
        .because(cause::takes_a_cut_line_for_a_request)
}

fn takes_a_reset_for_an_error(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let (client, serving) = Server::new(exam, serve_client).client()?;
    asks(&client, "PUT color red", "OK")?;
    asks(&client, "GET color", "VALUE red")?;
    client.reset();
    serving
        .fails("after a reset")
        .because(cause::loses_an_error)?;
    Ok(())
}
