//! The checks that are about the end of a conversation: a line that is too long, QUIT, end of file, a
//! reset.

use super::{ServeClient, Server, asks, cause, deaf, is_read, is_refused};

use crate::exam::{Because, Exam, Peer, Verdict, here, quote};

/// So much a client may send that the server does not want, all of it before the server reads a byte.
const ENDLESS: usize = 1 << 20;

pub(super) fn refuses_what_is_too_long(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let server = Server::new(exam, serve_client);
    let (client, serving) = server.client()?;
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
    is_not_reset(exam, &client)?;
    client.close();
    let _ = serving.returns("after the client has closed too")?; // Ok or an error: as it likes

    let (client, _serving) = server.client()?;
    exam.step("sends a line of 1025 bytes, which are 517 characters, and its newline");
    client.send(format!("PUT key x{}\n", "é".repeat(508)).as_bytes())?;
    is_refused(exam, &client, cause::COUNTS_CHARACTERS)?;

    let (client, _serving) = server.client()?;
    exam.step("sends 1025 bytes without a newline, and waits");
    client.send(&[b'x'; 1025])?;
    is_refused(exam, &client, cause::KNOWS_NO_LIMIT).because(cause::waits_for_the_newline)
}

/// What the client sends is there before the server begins, and it sends nothing more: a write after
/// a reset would take the error along, and leave an end of file to the read.
pub(super) fn ends_a_line_without_end(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let (client, stream) = exam.connection()?;
    let sent = client.fill(&vec![b'x'; ENDLESS])?;
    exam.step(format!("sent {sent} bytes without a newline"));
    let serving = Server::new(exam, serve_client).serves(stream)?;
    is_refused(exam, &client, cause::KNOWS_NO_LIMIT).because(cause::waits_for_the_newline)?;
    client
        .ends()
        .because(cause::goes_on_after_a_line_too_long)?;
    is_not_reset(exam, &client)?;
    client.close();
    let _ = serving.returns("after the client has closed too")?; // Ok or an error: as it likes
    Ok(())
}

/// Behind the end of file. A server that has read all that was sent may close without a reset.
fn is_not_reset(exam: &Exam, client: &Peer<'_>) -> Verdict {
    is_read(exam, client)?;
    match here("read SO_ERROR", client.stream().take_error())? {
        None => Ok(()),
        Some(error) => exam
            .fail(
                "no reset behind the end of file",
                format!("SO_ERROR: {error}"),
            )
            .caused_by(cause::RESETS_BEHIND_THE_END),
    }
}

pub(super) fn at_quit(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let server = Server::new(exam, serve_client);
    let (client, stream) = exam.connection()?;
    let requests = "PUT color red\nGET color\nQUIT\n";
    let behind = "PUT color blue\n".repeat(ENDLESS / 15);
    let sent = client.fill(format!("{requests}{behind}").as_bytes())?;
    exam.step(format!(
        "sent {}, and requests behind it: {sent} bytes",
        quote(requests.as_bytes())
    ));
    let serving = server.serves(stream)?;
    client
        .receives(b"OK\nVALUE red\n")
        .because(|case| cause::loses_what_it_has_read(case, 2))?;
    client.ends().because(cause::goes_on_after_quit)?;
    is_not_reset(exam, &client)?;
    client.close();
    serving
        .succeeds("after QUIT, and the client has closed too")
        .because(cause::takes_the_end_for_an_error)?;
    server
        .tells_another("color", "red")
        .because(cause::executes_what_comes_behind_quit)
}

pub(super) fn at_end_of_file(exam: &Exam, serve_client: ServeClient) -> Verdict {
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

pub(super) fn drops_a_line_that_is_cut(exam: &Exam, serve_client: ServeClient) -> Verdict {
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

pub(super) fn takes_a_reset_for_an_error(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let server = Server::new(exam, serve_client);
    let (client, serving) = server.client()?;
    let value = "x".repeat(1000);
    asks(&client, &format!("PUT big {value}"), "OK")?;
    asks(&client, "GET big", &format!("VALUE {value}"))?;
    client.reset();
    serving
        .fails("after a reset")
        .because(cause::loses_an_error)?;

    let (client, pouring, serving) = deaf::client(server, "GET big")?;
    deaf::is_waited_for(exam, &client)?;
    client.reset();
    drop(pouring); // the last handle
    serving
        .fails("after a reset while it was writing")
        .because(cause::loses_an_error)?;
    Ok(())
}
