//! The checks that are about requests: in what pieces they come, and what each is answered.

use std::time::Duration;

use super::{ServeClient, Server, asks, cause, is_read, is_refused};

use crate::{
    checks::more,
    exam::{Because, Exam, Verdict, numbered, quote},
};

/// A client pauses in the middle of a line, which is the subject: for so long, or until the server
/// waits.
const A_PAUSE: Duration = Duration::from_millis(20);

/// How long a client is silent: longer than a usual read timeout of a second.
const SILENCE: Duration = Duration::from_millis(1500);

/// How many requests come at once.
const MANY: usize = 100;

pub(super) fn answers_before_it_waits(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let (client, serving) = Server::new(exam, serve_client).client()?;
    client.send(b"GET color\n")?;
    more::must_not_be_awaited(exam, &client)?;
    client.receives(b"NONE\n")?;
    asks(&client, "PUT color red", "OK")?;
    asks(&client, "GET color", "VALUE red")?;
    asks(&client, "PUT color blue", "OK")?;
    asks(&client, "GET color", "VALUE blue")?;
    serving.goes_on("the client has not closed")
}

pub(super) fn answers_before_the_next_is_complete(
    exam: &Exam,
    serve_client: ServeClient,
) -> Verdict {
    let (client, _serving) = Server::new(exam, serve_client).client()?;
    client.send(b"PUT color red\nGET color\nPUT col")?;
    client
        .receives(b"OK\nVALUE red\n")
        .because(cause::keeps_its_answers)?;
    client.send(b"or blue\nGET color\nG")?;
    client
        .receives(b"OK\nVALUE blue\n")
        .because(cause::keeps_its_answers)
}

pub(super) fn keeps_a_values_spaces(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let (client, _serving) = Server::new(exam, serve_client).client()?;
    for value in ["to be or not", "  to be,  or not \r", " "] {
        asks(&client, &format!("PUT motto {value}"), "OK").because(cause::changes_the_value)?;
        asks(&client, "GET motto", &format!("VALUE {value}")).because(cause::changes_the_value)?;
    }
    Ok(())
}

pub(super) fn stores_every_byte(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let (client, _serving) = Server::new(exam, serve_client).client()?;
    let long = String::from_utf8(numbered(1000)).expect("numbers are text");
    for value in ["", "a\0b\0", "\t\r\x1b\x7f", "grüß dich", &long] {
        asks(&client, &format!("PUT any {value}"), "OK").because(cause::refuses_a_value)?;
        asks(&client, "GET any", &format!("VALUE {value}"))
            .because(cause::loses_bytes_of_a_value)?;
    }
    Ok(())
}

pub(super) fn ends_a_key_at_a_space(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let (client, _serving) = Server::new(exam, serve_client).client()?;
    asks(&client, "PUT a 1", "OK")?;
    for key in ["a\tb", "a\u{b}b", "a\u{a0}b", "a\u{3000}b"] {
        asks(&client, &format!("PUT {key} red"), "OK").because(cause::ends_a_key_elsewhere)?;
        asks(&client, &format!("GET {key}"), "VALUE red").because(cause::ends_a_key_elsewhere)?;
    }
    asks(&client, "GET a", "VALUE 1").because(cause::ends_a_key_elsewhere)
}

/// The last ones have a character of two bytes, which come in two pieces.
pub(super) fn joins_a_request(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let (client, _serving) = Server::new(exam, serve_client).client()?;
    asks(&client, "PUT color grün", "OK").because(cause::refuses_a_value)?; // in one piece
    let mut reads = true;
    for (request, answer) in [
        ("PUT color red", "OK\n"),
        ("GET color", "VALUE red\n"),
        ("PUT color grün", "OK\n"),
        ("GET color", "VALUE grün\n"),
    ] {
        exam.step(format!(
            "sends {}, the next byte when the last has been read",
            quote(request.as_bytes())
        ));
        for byte in request.as_bytes() {
            client.fill(&[*byte])?;
            reads = reads && is_read(exam, &client)?;
        }
        client
            .receives_nothing_for(A_PAUSE)
            .because(cause::treats_a_read_as_a_line)?;
        client.send(b"\n")?;
        client
            .receives(answer.as_bytes())
            .because(|case| cause::checks_each_piece(request, case))?;
    }
    Ok(())
}

pub(super) fn answers_all_of_one_read(exam: &Exam, serve_client: ServeClient) -> Verdict {
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

pub(super) fn answers_in_order(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let (client, _serving) = Server::new(exam, serve_client).client()?;
    asks(&client, "PUT key0 0", "OK")?;
    client.send(b"GET key0\nDELETE key0\nGET key\nPUT key \xff\nGET key0\n")?;
    client
        .receives(b"VALUE 0\n")
        .because(cause::answers_out_of_order)?;
    is_refused(exam, &client, cause::NO_ERR_IN_ITS_PLACE)?;
    client
        .receives(b"NONE\n")
        .because(cause::stops_after_an_err)?;
    is_refused(exam, &client, cause::NO_ERR_IN_ITS_PLACE)?;
    client
        .receives(b"VALUE 0\n")
        .because(cause::stops_after_an_err)
}

pub(super) fn refuses_every_other_request(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let (client, _serving) = Server::new(exam, serve_client).client()?;
    asks(&client, "PUT color red", "OK")?;
    for request in [
        "DELETE color",
        "PUT color",
        "GET",
        "",
        "\r",
        "get color",
        "GET color red",
        "QUITE",
        "QUIT\r",
        "QUIT now",
        " QUIT",
    ] {
        client.send(format!("{request}\n").as_bytes())?;
        is_refused(exam, &client, cause::ACCEPTS_ANYTHING)
            .because(|case| cause::ends_at_a_request(request, case))
            .because(|case| cause::skips_a_request(request, case))?;
    }
    asks(&client, "GET color", "VALUE red")
}

pub(super) fn refuses_what_is_not_utf8(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let (client, _serving) = Server::new(exam, serve_client).client()?;
    asks(&client, "PUT color red", "OK")?;
    client.send(b"PUT color \xff\xfe\n")?;
    is_refused(exam, &client, cause::ACCEPTS_WHAT_IS_NOT_UTF8)
        .because(cause::ends_at_a_line_that_is_not_utf8)?;
    asks(&client, "GET color", "VALUE red")
}

pub(super) fn keeps_a_silent_client(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let (client, serving) = Server::new(exam, serve_client).client()?;
    client
        .receives_nothing_for(SILENCE)
        .because(cause::ends_in_silence)?;
    asks(&client, "PUT color red", "OK")?;
    client
        .receives_nothing_for(SILENCE)
        .because(cause::ends_in_silence)?;
    asks(&client, "GET color", "VALUE red")?;
    client.send(b"PUT shape ro")?;
    client.is_silent(SILENCE).because(cause::ends_in_silence)?;
    asks(&client, "und", "OK")?;
    serving.goes_on("the client was silent, and has not closed")
}

/// In turn: what a client has seen before, another may have replaced.
pub(super) fn shares_the_store(exam: &Exam, serve_client: ServeClient) -> Verdict {
    let server = Server::new(exam, serve_client);
    let (first, _serving) = server.client()?;
    let first = first.named("first client");
    asks(&first, "PUT color red", "OK")?;
    server.tells_another("color", "red")?;

    let (second, _serving) = server.client()?;
    let second = second.named("second client");
    asks(&second, "GET color", "VALUE red").because(cause::does_not_share)?;
    asks(&second, "GET shape", "NONE")?;
    for (key, value, by, reads) in [
        ("color", "blue", &second, &first),
        ("color", "green", &first, &second),
        ("shape", "round", &first, &second),
        ("color", "black", &second, &first),
    ] {
        asks(by, &format!("PUT {key} {value}"), "OK")?;
        asks(reads, &format!("GET {key}"), &format!("VALUE {value}"))
            .because(cause::does_not_share)
            .because(cause::remembers_values)?;
    }
    Ok(())
}
