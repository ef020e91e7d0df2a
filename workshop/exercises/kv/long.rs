//! The checks that are about the length of a request.

use super::{
    ServeClient, Server, asks, cause,
    ends::{ENDLESS, does_not_reset as is_not_reset, ends_without_the_client},
    is_read, is_refused,
};

use crate::exam::{Because, Exam, Verdict, numbered};

/// A value with which `PUT key ` has 1024 bytes.
fn longest() -> String {
    String::from_utf8(numbered(1024 - "PUT key ".len())).expect("numbers are text")
}

pub(super) fn accepts_1024_bytes(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let (client, _serving) = Server::new(exam, serve_client).client()?;
    let longest = longest();
    exam.step("sends a line of 1024 bytes and its newline");
    asks(&client, &format!("PUT key {longest}"), "OK").because(cause::counts_the_newline)?;
    asks(&client, "GET key", &format!("VALUE {longest}"))?;
    exam.step("sends nine such lines at once: more than a usual buffer has room for");
    client.send(format!("PUT key {longest}\n").repeat(9).as_bytes())?;
    client
        .receives(&b"OK\n".repeat(9))
        .because(cause::counts_the_newline)
}

pub(super) fn refuses_1025_bytes(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let server = Server::new(exam, serve_client);
    let (client, _serving) = server.client()?;
    exam.step("sends a line of 1025 bytes and its newline");
    client.send(format!("PUT key {}x\n", longest()).as_bytes())?;
    is_refused(exam, &client, cause::KNOWS_NO_LIMIT)?;

    let (client, _serving) = server.client()?;
    exam.step("sends a line of 1025 bytes, which are 517 characters, and its newline");
    client.send(format!("PUT key x{}\n", "é".repeat(508)).as_bytes())?;
    is_refused(exam, &client, cause::COUNTS_CHARACTERS)
}

pub(super) fn refuses_before_the_newline(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let server = Server::new(exam, serve_client);
    let line = numbered(1025);
    let (client, _serving) = server.client()?;
    exam.step("sends 1025 bytes without a newline, and waits");
    client.send(&line)?;
    is_refused(exam, &client, cause::KNOWS_NO_LIMIT).because(cause::waits_for_the_newline)?;

    let (client, _serving) = server.client()?;
    exam.step("sends 1024 bytes without a newline, then one more, and waits");
    client.send(&line[..1024])?;
    is_read(exam, &client)?;
    client.send(&line[1024..])?;
    is_refused(exam, &client, cause::KNOWS_NO_LIMIT).because(cause::waits_for_the_newline)
}

pub(super) fn ends_the_conversation(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let server = Server::new(exam, serve_client);
    let (client, serving) = server.client()?;
    asks(&client, "PUT color red", "OK")?;
    exam.step("sends a request, a line of 1025 bytes, and another request");
    client.send(format!("GET nothing\nPUT key {}x\nPUT color blue\n", longest()).as_bytes())?;
    client.receives(b"NONE\n")?; // what came before it is answered, and first
    is_refused(exam, &client, cause::KNOWS_NO_LIMIT)?;
    ends_without_the_client(exam, &client, cause::goes_on_after_a_long_line)?;
    client.close();
    let _ = serving.returns("after the client has closed too")?; // Ok or an error: both are allowed
    server
        .tells_another("color", "red")
        .because(cause::executes_what_comes_after)
}

/// What the client sends is there before the server begins, and it sends nothing more: a write
/// after a reset would take the error along, and leave an end of file to the read.
pub(super) fn does_not_reset(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let (client, stream) = exam.connection()?;
    let sent = client.fill(&numbered(ENDLESS))?;
    exam.step(format!("sent {sent} bytes without a newline"));
    let serving = Server::new(exam, serve_client).serves(stream)?;
    is_refused(exam, &client, cause::KNOWS_NO_LIMIT).because(cause::waits_for_the_newline)?;
    client.ends().because(cause::goes_on_after_a_long_line)?;
    is_not_reset(exam, &client)?;
    client.close();
    let _ = serving.returns("after the client has closed too")?; // Ok or an error: both are allowed
    Ok(())
}
