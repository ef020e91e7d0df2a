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
/// never comes.
enum Said {
    ByClient(String),
    ByServer(String),
    Nothing,
}

/// One of the record's two parts.
fn record(part: &str) -> Vec<Said> {
    let record = include_str!("go-jsonrpc.txt");
    let lines = record
        .lines()
        .skip_while(|line| !line.starts_with(part))
        .skip(1);
    lines
        .take_while(|line| !line.is_empty())
        .map(|line| match line.split_at_checked(2) {
            Some(("> ", text)) => Said::ByClient(text.to_owned()),
            Some(("< ", text)) => Said::ByServer(text.to_owned()),
            _ => Said::Nothing,
        })
        .collect()
}

/// Holds an answer to Go's: to the letter, but that the text of an error may be ours, and that a
/// missing key says so in a field which Go ignores.
#[track_caller]
fn same_as_go(ours: &str, gos: &str) {
    let parsed: Value = serde_json::from_str(gos).unwrap();
    if parsed["error"].is_null() {
        assert_eq!(ours.replace(r#","Found":false"#, ""), gos);
    } else {
        let ours: Value = serde_json::from_str(ours).unwrap();
        assert!(ours["error"].is_string());
        assert_eq!(
            (&ours["id"], &ours["result"]),
            (&parsed["id"], &parsed["result"])
        );
    }
}

#[test]
fn answers_a_go_client_as_a_go_server_does() {
    let (mut requests, mut answers) = (Vec::new(), Vec::new());
    for said in record("connection 1") {
        match said {
            Said::ByClient(line) => requests.push(line),
            Said::ByServer(line) => answers.push(line),
            Said::Nothing => {}
        }
    }
    assert_eq!((requests.len(), answers.len()), (8, 8));
    let whole = requests.join("\n") + "\n";

    let check = |heard: &str| {
        assert_eq!(heard.lines().count(), answers.len(), "{heard}");
        heard
            .lines()
            .zip(&answers)
            .for_each(|(ours, gos)| same_as_go(ours, gos));
    };
    // All at once; by one byte; and line by line, each sent when the one before is answered.
    with_server(Limits::default(), |addr| {
        check(&exchange(addr, whole.as_bytes()))
    });
    with_server(Limits::default(), |addr| {
        let mut stream = TcpStream::connect(addr).unwrap();
        stream.set_nodelay(true).unwrap();
        for byte in whole.bytes() {
            stream.write_all(&[byte]).unwrap();
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
        let stream = TcpStream::connect(addr).unwrap();
        let mut lines = BufReader::new(Deadline::after(PATIENCE).on(&stream)).lines();
        for (request, gos) in requests.iter().zip(&answers) {
            (&stream)
                .write_all(format!("{request}\n").as_bytes())
                .unwrap();
            same_as_go(&lines.next().unwrap().unwrap(), gos);
        }
    });
}

#[test]
fn answers_odd_requests_as_a_go_server_does() {
    with_server(Limits::default(), |addr| {
        let put = br#"{"method":"KV.Put","params":[{"Key":"subject","Value":"6.824"}],"id":0}"#;
        exchange(addr, &[put, &b"\n"[..]].concat());
        let mut said = record("single requests").into_iter();
        let mut checked = 0;
        while let (Some(Said::ByClient(request)), Some(answer)) = (said.next(), said.next()) {
            let heard = exchange(addr, format!("{request}\n").as_bytes());
            match answer {
                Said::ByServer(gos) => same_as_go(heard.trim_end_matches('\n'), &gos),
                _ => assert_eq!(heard, "", "{request}"),
            }
            checked += 1;
        }
        assert_eq!(checked, 6);
    });
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
                assert_eq!(lines.next().unwrap().unwrap(), gos);
                let Some(Said::ByServer(answer)) = record.next() else {
                    panic!("the record has changed")
                };
                (&stream)
                    .write_all(format!("{answer}\n").as_bytes())
                    .unwrap();
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
