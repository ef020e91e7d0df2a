//! The checks that are about requests: in what pieces they come, and what each is answered.

use std::time::Duration;

use super::{ServeClient, Server, asks, cause, is_read, is_refused};

use crate::exam::{Because, Exam, Verdict, quote};

/// A client pauses in the middle of a line, which is the subject: for so long, or until the server waits.
const A_PAUSE: Duration = Duration::from_millis(20);

/// How many requests come at once.
const MANY: usize = 100;

pub(super) fn answers_before_it_waits_for_more(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let (client, serving) = Server::new(exam, serve_client).client()?;
    asks(&client, "GET color", "NONE")?;
    asks(&client, "PUT color red", "OK")?;
    asks(&client, "GET color", "VALUE red")?;
    asks(&client, "PUT color blue", "OK")?;
    asks(&client, "GET color", "VALUE blue")?;
    serving.goes_on("the client has not closed")
}

pub(super) fn keeps_a_values_spaces(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let (client, _serving) = Server::new(exam, serve_client).client()?;
    let value = "  to be,  or not \r";
    asks(&client, &format!("PUT motto {value}"), "OK").because(cause::changes_the_value)?;
    asks(&client, "GET motto", &format!("VALUE {value}")).because(cause::changes_the_value)
}

pub(super) fn takes_a_byte_at_a_time(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let (client, _serving) = Server::new(exam, serve_client).client()?;
    let mut reads = true;
    for (request, answer) in [("PUT color red", "OK\n"), ("GET color", "VALUE red\n")] {
        exam.step(format!(
            "sends {}, the next byte when the last has been read",
            quote(request.as_bytes())
        ));
        for byte in request.as_bytes() {
            client.fill(&[*byte])?;
            reads = reads && is_read(exam, &client)?;
        }
        client
            .hears_nothing_for(A_PAUSE)
            .because(cause::takes_a_read_for_a_line)?;
        client.send(b"\n")?;
        client.receives(answer.as_bytes())?;
    }
    Ok(())
}

pub(super) fn answers_all_that_came_at_once(exam: &Exam, serve_client: ServeClient) -> Verdict {
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
        .because(|case| cause::loses_what_it_has_read(case, MANY))?;
    client.send(b"GET key0\nDELETE key0\nGET key\nPUT key \xff\nGET key1\n")?;
    client
        .receives(b"VALUE 0\n")
        .because(cause::answers_out_of_order)?;
    is_refused(exam, &client, cause::NO_ERR_IN_ITS_PLACE)?;
    client.receives(b"NONE\n")?;
    is_refused(exam, &client, cause::NO_ERR_IN_ITS_PLACE)?;
    client.receives(b"VALUE 1\n")
}

pub(super) fn goes_on_after_what_it_refuses(exam: &Exam, serve_client: ServeClient) -> Verdict {
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
