//! The wire, held to what Go's own client and server said (`go-jsonrpc.txt`), and to what Go does
//! not promise: limits, deadlines, and clients that do not keep to the rules.

use std::{
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use socket_workshop::{
    deadline::Deadline,
    kv::{Client, Kv, Limits},
    rpc,
    serve::Totals,
    stop::Stop,
};

const PATIENCE: Duration = Duration::from_secs(10);

/// Runs `clients` against a server, stops it, and returns what it did.
fn with_server(limits: Limits, clients: impl FnOnce(SocketAddr)) -> Totals {
    let listener = Kv::listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = listener.local_addr().unwrap();
    let (kv, stop) = (Kv::default(), Stop::new().unwrap());
    thread::scope(|scope| {
        let server = scope.spawn(|| kv.serve(listener, &stop, limits));
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| clients(addr)));
        stop.request(); // also when a client has panicked, or the scope would never end
        let totals = server.join().unwrap().unwrap();
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        totals
    })
}

/// Sends these bytes on a connection of their own, half-closes, and returns all that comes back.
#[track_caller]
fn exchange(addr: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.write_all(bytes).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    Deadline::after(PATIENCE)
        .on(&stream)
        .read_to_string(&mut answer)
        .unwrap();
    answer
}

/// A line of the record: who says it, and what. A remark of the record's own is the answer that
/// never comes, or what the client makes of an answer.
enum Said {
    ByClient(Vec<u8>),
    ByServer(Vec<u8>),
    Remark(String),
}

/// One of the record's parts.
fn record(part: &str) -> Vec<Said> {
    let record = include_str!("go-jsonrpc.txt");
    let lines = record
        .lines()
        .skip_while(|line| !line.starts_with(part))
        .skip(1);
    lines
        .take_while(|line| !line.is_empty())
        .map(|line| match line.split_at_checked(2) {
            Some(("> ", text)) => Said::ByClient(bytes(text)),
            Some(("< ", text)) => Said::ByServer(bytes(text)),
            _ => Said::Remark(String::from_utf8(bytes(line)).unwrap()),
        })
        .collect()
}

/// What a text of the record stands for: `\xff` is the byte ff.
fn bytes(text: &str) -> Vec<u8> {
    let mut pieces = text.split("\\x");
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at(2);
        bytes.push(u8::from_str_radix(digits, 16).unwrap());
        bytes.extend(rest.as_bytes());
    }
    bytes
}

/// Holds an answer to Go's: to the letter, but that the text of an error may be ours, and that a
/// missing key says so in a field which Go ignores.
#[track_caller]
fn same_as_go(request: &[u8], ours: &str, gos: &[u8]) {
    let request = String::from_utf8_lossy(request);
    let gos = str::from_utf8(gos).unwrap();
    match gos.split_once(r#""error":""#) {
        None => assert_eq!(ours.replace(r#","Found":false"#, ""), gos, "{request}"),
        Some((before, _text)) => {
            let text = ours
                .strip_prefix(before)
                .and_then(|rest| rest.strip_prefix(r#""error":""#));
            assert!(text.is_some(), "{request}: {ours}, and Go: {gos}");
        }
    }
}

/// Calls line by line on one connection: each is sent when the one before is answered.
fn ask_one_by_one(addr: SocketAddr, requests: &[Vec<u8>], answers: &[Vec<u8>]) {
    let stream = TcpStream::connect(addr).unwrap();
    let mut lines = BufReader::new(Deadline::after(PATIENCE).on(&stream)).lines();
    for (request, gos) in requests.iter().zip(answers) {
        (&stream)
            .write_all(&[request, &b"\n"[..]].concat())
            .unwrap();
        same_as_go(request, &lines.next().unwrap().unwrap(), gos);
    }
}

/// A part's requests, and the answers to them.
fn conversation(part: &str) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let (mut requests, mut answers) = (Vec::new(), Vec::new());
    for said in record(part) {
        match said {
            Said::ByClient(line) => requests.push(line),
            Said::ByServer(line) => answers.push(line),
            Said::Remark(_) => {}
        }
    }
    assert_eq!(requests.len(), answers.len());
    (requests, answers)
}

#[test]
fn answers_a_go_client_as_a_go_server_does() {
    let (requests, answers) = conversation("connection 1");
    assert_eq!(requests.len(), 8);
    let mut whole = requests.join(&b'\n');
    whole.push(b'\n');

    let check = |heard: &str| {
        assert_eq!(heard.lines().count(), answers.len(), "{heard}");
        for ((request, ours), gos) in requests.iter().zip(heard.lines()).zip(&answers) {
            same_as_go(request, ours, gos);
        }
    };
    // All at once; by one byte; and line by line, each sent when the one before is answered.
    with_server(Limits::default(), |addr| check(&exchange(addr, &whole)));
    with_server(Limits::default(), |addr| {
        let mut stream = TcpStream::connect(addr).unwrap();
        stream.set_nodelay(true).unwrap();
        for byte in &whole {
            stream.write_all(&[*byte]).unwrap();
        }
        stream.shutdown(Shutdown::Write).unwrap();
        let mut heard = String::new();
        Deadline::after(PATIENCE)
            .on(&stream)
            .read_to_string(&mut heard)
            .unwrap();
        check(&heard);
    });
    with_server(Limits::default(), |addr| {
        ask_one_by_one(addr, &requests, &answers);
    });
}

const PUT_SUBJECT: &[u8] =
    br#"{"method":"KV.Put","params":[{"Key":"subject","Value":"6.824"}],"id":0}"#;

#[test]
fn answers_odd_requests_as_a_go_server_does() {
    with_server(Limits::default(), |addr| {
        exchange(addr, &[PUT_SUBJECT, b"\n"].concat());
        for (part, requests) in [
            ("single requests", 6),
            ("names in any case", 9),
            ("repeated names", 11),
            ("null", 10),
            ("types, and parameters", 18),
            ("ids", 14),
            ("white space and syntax", 27),
        ] {
            let mut said = record(part).into_iter();
            let mut checked = 0;
            while let (Some(Said::ByClient(request)), Some(answer)) = (said.next(), said.next()) {
                let heard = exchange(addr, &[&request, &b"\n"[..]].concat());
                match answer {
                    Said::ByServer(gos) => {
                        same_as_go(&request, heard.trim_end_matches('\n'), &gos);
                    }
                    _ => assert_eq!(heard, "", "{}", String::from_utf8_lossy(&request)),
                }
                checked += 1;
            }
            assert_eq!(checked, requests, "{part}");
        }
        for (part, requests) in [("strings", 34), ("bytes that are not UTF-8", 15)] {
            let (asked, answers) = conversation(part);
            assert_eq!(asked.len(), requests, "{part}");
            ask_one_by_one(addr, &asked, &answers);
        }
    });
}

#[test]
fn differs_from_a_go_server_only_as_the_documentation_says() {
    let expected = [
        "{\"id\":1,\"result\":null,\"error\":\"method: expected a string, found a number\"}\n",
        "{\"id\":1,\"result\":null,\"error\":\"method: expected a string, found a number\"}\n",
        "{\"id\":\"\u{FFFD}\",\"result\":{\"Value\":\"6.824\"},\"error\":null}\n",
        "", // two objects on a line
        "", // an object and something else
    ];
    with_server(Limits::default(), |addr| {
        exchange(addr, &[PUT_SUBJECT, b"\n"].concat());
        let mut ours = Vec::new();
        for said in record("different on purpose") {
            if let Said::ByClient(request) = said {
                ours.push(exchange(addr, &[&request, &b"\n"[..]].concat()));
            }
        }
        assert_eq!(ours, expected);
        let one = br#"{"method":"KV.Get","params":[{"Key":"subject"}],"id":1}"#;
        let on_two_lines = [&one[..18], b"\n", &one[18..], b"\n"].concat();
        assert_eq!(exchange(addr, &on_two_lines), "");
        let deep = "[".repeat(10_001) + &"]".repeat(10_001);
        let deep = format!(r#"{{"method":"KV.Get","params":[],"id":1,"deep":{deep}}}"#) + "\n";
        assert!(exchange(addr, deep.as_bytes()).starts_with(r#"{"id":1,"result":{"#));
    });
}

#[test]
fn takes_odd_answers_as_a_go_client_does() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let mut said = record("odd answers").into_iter();
    let mut checked = 0;
    while let (Some(Said::ByServer(answer)), Some(Said::Remark(gos))) = (said.next(), said.next()) {
        let heard = thread::scope(|scope| {
            scope.spawn(|| {
                let (stream, _) = listener.accept().unwrap();
                BufReader::new(&stream).lines().next();
                let line = [&answer, &b"\n"[..]].concat();
                (&stream).write_all(&line).unwrap();
            });
            let heard = Client::dial(&[addr], PATIENCE).unwrap().get("subject");
            match heard {
                Ok(value) => format!("(value: {})", value.unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::Other => {
                    let text = error.to_string();
                    let text = text.strip_prefix("cannot call KV.Get: ").unwrap_or(&text);
                    format!("(server error: {text})")
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
                    "(failed)".to_owned()
                }
            }
        });
        assert_eq!(heard, gos, "{}", String::from_utf8_lossy(&answer));
        checked += 1;
    }
    assert_eq!(checked, 47);
}

#[test]
fn calls_a_go_server_as_a_go_client_does() {
    let mut record = record("connection 1").into_iter();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::scope(|scope| {
        // A server that has nothing but the record: Go's answers, for our requests.
        let heard = scope.spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(&stream).lines();
            for _ in 0..5 {
                let Some(Said::ByClient(gos)) = record.next() else {
                    panic!("the record has changed")
                };
                assert_eq!(lines.next().unwrap().unwrap().into_bytes(), gos);
                let Some(Said::ByServer(mut answer)) = record.next() else {
                    panic!("the record has changed")
                };
                answer.push(b'\n');
                (&stream).write_all(&answer).unwrap();
            }
        });
        let mut client = Client::dial(&[addr], PATIENCE).unwrap();
        let key = "ключ \"q\" \n<&>";
        client.put("subject", "6.824").unwrap();
        assert_eq!(client.get("subject").unwrap().as_deref(), Some("6.824"));
        assert_eq!(client.get("no such key").unwrap().as_deref(), Some(""));
        client.put(key, "值").unwrap();
        assert_eq!(client.get(key).unwrap().as_deref(), Some("值"));
        heard.join().unwrap();
    });
}

#[test]
fn a_missing_key_is_told_from_an_empty_value() {
    with_server(Limits::default(), |addr| {
        let mut client = Client::dial(&[addr], PATIENCE).unwrap();
        client.put("empty", "").unwrap();
        assert_eq!(client.get("empty").unwrap().as_deref(), Some(""));
        assert_eq!(client.get("missing").unwrap(), None);
    });
}

#[test]
fn bad_requests_with_an_id_are_answered_and_the_connection_goes_on() {
    with_server(Limits::default(), |addr| {
        for bad in [
            r#"{"method":5,"params":[{"Key":"a"}],"id":9}"#,
            r#"{"params":[{"Key":"a"}],"id":9}"#,
            r#"{"method":"KV.Get","id":9}"#,
            r#"{"method":"KV.Get","params":{"Key":"a"},"id":9}"#,
            r#"{"method":"KV.Put","params":["a"],"id":9}"#,
        ] {
            let good = r#"{"method":"KV.Put","params":[{"Key":"a","Value":"b"}],"id":10}"#;
            let heard = exchange(addr, format!("{bad}\n\n{good}\n").as_bytes());
            let lines: Vec<Value> = heard
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect();
            assert_eq!(lines.len(), 2, "{bad}: {heard}");
            assert_eq!(lines[0]["id"], 9, "{bad}");
            assert!(
                lines[0]["error"].is_string() && lines[0]["result"].is_null(),
                "{bad}: {heard}"
            );
            assert_eq!(lines[1]["id"], 10, "{bad}");
        }
    });
}

#[test]
fn what_cannot_be_trusted_is_closed_with_fin_and_the_others_go_on() {
    let totals = with_server(Limits::default(), |addr| {
        let mut other = Client::dial(&[addr], PATIENCE).unwrap();
        other.put("a", "b").unwrap();
        let too_long = vec![b'x'; 10 * rpc::MAX_REQUEST];
        // `exchange` reads to the end of file; a reset would be an error.
        assert_eq!(exchange(addr, &too_long), "");
        assert_eq!(exchange(addr, b"[1,2,3]\nand more\n"), "");
        assert_eq!(exchange(addr, b"\xff\xfe\n"), "");
        assert_eq!(exchange(addr, br#"{"method":"KV.Get","params":[{"Key"#), "");
        assert_eq!(other.get("a").unwrap().as_deref(), Some("b"));
    });
    assert_eq!(
        totals,
        Totals {
            connections: 5,
            failed: 4,
            ..Totals::default()
        }
    );
}

#[test]
fn a_request_of_64_kib_is_taken_and_one_byte_more_is_not() {
    with_server(Limits::default(), |addr| {
        let request = |length: usize| {
            let around = r#"{"method":"KV.Put","params":[{"Key":"","Value":""}],"id":1}"#.len();
            let value = "v".repeat(length - around);
            format!(
                "{{\"method\":\"KV.Put\",\"params\":[{{\"Key\":\"\",\"Value\":\"{value}\"}}],\"id\":1}}\n"
            )
        };
        let taken = exchange(addr, request(rpc::MAX_REQUEST).as_bytes());
        assert_eq!(taken, "{\"id\":1,\"result\":{},\"error\":null}\n");
        assert_eq!(exchange(addr, request(rpc::MAX_REQUEST + 1).as_bytes()), "");
        let mut client = Client::dial(&[addr], PATIENCE).unwrap();
        let refused = client
            .put("key", &"v".repeat(rpc::MAX_REQUEST))
            .unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn calls_sent_together_and_then_a_fin_are_all_answered_in_their_order() {
    with_server(Limits::default(), |addr| {
        let (mut calls, mut answers) = (String::new(), String::new());
        for n in 0..2000 {
            calls += &format!(
                r#"{{"method":"KV.Put","params":[{{"Key":"a","Value":"{n}"}}],"id":{n}}}
{{"method":"KV.Get","params":[{{"Key":"a"}}],"id":{n}}}
"#
            );
            answers += &format!(
                r#"{{"id":{n},"result":{{}},"error":null}}
{{"id":{n},"result":{{"Value":"{n}"}},"error":null}}
"#
            );
        }
        // `exchange` reads to the end of file; a reset would be an error.
        assert_eq!(exchange(addr, calls.as_bytes()), answers);
        let and_a_bad_line = calls + "not JSON\n{}\n";
        assert_eq!(exchange(addr, and_a_bad_line.as_bytes()), answers);
        let one = r#"{"method":"KV.Get","params":[{}],"id":1}"#.to_owned() + "\n";
        assert_ne!(exchange(addr, (" \t\r\n".to_owned() + &one).as_bytes()), "");
    });
}

#[test]
fn an_end_of_file_in_mid_line_is_answered_where_the_id_is_known() {
    with_server(Limits::default(), |addr| {
        let heard = exchange(
            addr,
            br#"{"method":"KV.Get","params":[{"Key":"a"}],"id":"last"}"#,
        );
        let answer: Value = serde_json::from_str(&heard).unwrap();
        assert_eq!(answer["id"], "last");
        assert!(answer["error"].as_str().unwrap().contains("end of file"));
    });
}

#[test]
fn a_request_that_takes_too_long_ends_its_connection_however_often_a_byte_comes() {
    let limits = Limits {
        call: Duration::from_millis(200),
        ..Limits::default()
    };
    let totals = with_server(limits, |addr| {
        let started = Instant::now();
        let mut stream = TcpStream::connect(addr).unwrap();
        // A byte every 20 ms is the subject: each read of the server is served well in time.
        while stream.write_all(b" ").is_ok() && started.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(20));
        }
        assert!(started.elapsed() >= limits.call && started.elapsed() < PATIENCE);
    });
    assert_eq!(
        totals,
        Totals {
            connections: 1,
            failed: 1,
            ..Totals::default()
        }
    );
}

#[test]
fn an_idle_connection_is_closed_with_fin_and_is_no_failure() {
    let limits = Limits {
        idle: Duration::from_millis(100),
        ..Limits::default()
    };
    let totals = with_server(limits, |addr| {
        let stream = TcpStream::connect(addr).unwrap();
        let started = Instant::now();
        assert_eq!(
            Deadline::after(PATIENCE)
                .on(&stream)
                .read(&mut [0])
                .unwrap(),
            0
        );
        assert!(started.elapsed() >= limits.idle);
    });
    assert_eq!(
        totals,
        Totals {
            connections: 1,
            failed: 0,
            ..Totals::default()
        }
    );
}

#[test]
fn a_client_that_never_stops_asking_does_not_hold_up_the_stop() {
    let listener = Kv::listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = listener.local_addr().unwrap();
    let (kv, stop) = (Kv::default(), Stop::new().unwrap());
    let request = b"{\"method\":\"KV.Get\",\"params\":[{\"Key\":\"a\"}],\"id\":1}\n".repeat(64);
    thread::scope(|scope| {
        let server = scope.spawn(|| kv.serve(listener, &stop, Limits::default()));
        let stream = TcpStream::connect(addr).unwrap();
        let reader = stream.try_clone().unwrap();
        scope.spawn(move || std::io::copy(&mut &reader, &mut std::io::sink()));
        scope.spawn(move || while (&stream).write_all(&request).is_ok() {});
        assert!(
            Deadline::after(PATIENCE)
                .wait_for(|| Ok((kv.calls() > 1000).then_some(())))
                .unwrap()
                .is_some()
        );
        let asked = Instant::now();
        stop.request();
        server.join().unwrap().unwrap();
        assert!(asked.elapsed() < PATIENCE, "{:?}", asked.elapsed());
    });
}
