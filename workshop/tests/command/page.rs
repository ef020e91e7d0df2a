//! A lesson on a page: `cargo workshop teach`, live; `record` and `pages`, written down; and both in
//! a real browser. And a check that has failed, on the same page: `check NAME --page`.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use serde_json::Value;
use socket_workshop::{deadline::Deadline, folder::Temporary};
use wire::segment::Flags;

use crate::{
    common::{PATIENCE, Program, installed},
    course::Checkout,
};

pub fn workshop(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_workshop"));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A lesson that is being taught.
struct Taught {
    program: Program,
    addr: SocketAddr,
}

fn taught(lesson: &str) -> Taught {
    Taught::start(&mut workshop(&["teach", lesson, "--port", "0"]))
}

impl Taught {
    fn start(command: &mut Command) -> Taught {
        let mut program = Program::start(command);
        let mut said = BufReader::new(program.child.stdout.take().unwrap());
        let addr = loop {
            let mut line = String::new();
            assert_ne!(
                said.read_line(&mut line).unwrap(),
                0,
                "it does not say where"
            );
            if let Some((_, rest)) = line.split_once("http://") {
                break rest.split('/').next().unwrap().parse().unwrap();
            }
        };
        Taught { program, addr }
    }

    /// The status and the body of an answer.
    fn ask(&self, request: &str, headers: &str) -> (u16, String) {
        let mut browser = TcpStream::connect(self.addr).unwrap();
        write!(browser, "{request} HTTP/1.1\r\n{headers}\r\n").unwrap();
        let mut answer = String::new();
        let mut browser = Deadline::after(PATIENCE).on(&browser);
        browser.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    fn own(&self, request: &str) -> (u16, String) {
        self.ask(request, &format!("Host: {}\r\n", self.addr))
    }

    /// Asks for events until a stage, or the lesson, is over.
    fn next(&self, events: &mut Vec<Value>) {
        self.until_any(&["stage_ends", "over"], events);
    }

    /// Asks for events until one of this kind has come.
    fn until(&self, kind: &str, events: &mut Vec<Value>) {
        self.until_any(&[kind], events);
    }

    fn until_any(&self, kinds: &[&str], events: &mut Vec<Value>) {
        loop {
            let (status, body) = self.own(&format!("GET /events?from={}", events.len()));
            assert_eq!(status, 200);
            let answer: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(answer["over"], false);
            let new = answer["events"].as_array().unwrap();
            events.extend(new.iter().cloned());
            let is_one = |event: &Value| kinds.iter().any(|kind| event["event"] == *kind);
            if new.iter().any(is_one) {
                return;
            }
        }
    }
}

#[test]
fn a_lesson_is_taught_stage_by_stage_to_its_end() {
    let mut taught = taught("hello");
    let (status, page) = taught.own("GET /");
    assert_eq!(status, 200);
    assert!(page.contains(r#""file":"examples/hello.rs""#) && page.contains(r#""live":true"#));
    assert_eq!(
        page.matches("</script>").count(),
        2,
        "the source ends no script"
    );
    assert!(page.len() < 150_000, "{} bytes", page.len());

    let mut events = Vec::new();
    for stage in 1..=5 {
        taught.until("stage_ends", &mut events);
        let stages = events.iter().filter(|event| event["event"] == "stage");
        assert_eq!(stages.count(), stage, "it waits after each stage");
        taught.own("POST /next?stage=9");
        // Of two readers the second one changes nothing.
        for _ in 0..2 {
            assert_eq!(taught.own(&format!("POST /next?stage={stage}")).0, 200);
        }
    }
    taught.until("over", &mut events);
    let ends = events
        .iter()
        .find(|event| event["event"] == "ends")
        .unwrap();
    assert_eq!(
        (&ends["stages"], &ends["checked"]),
        (&5.into(), &true.into())
    );
    // Where the kernel allows a capture, the connection begins with a SYN, before its first row.
    let first = |kind: &str| events.iter().position(|event| event["event"] == kind);
    if let Some(segment) = first("segment") {
        assert_eq!(events[segment]["flags"], "SYN");
    }

    taught.own("POST /answer?stage=1&choice=FIN_WAIT1");
    taught.own("POST /answer?stage=1&choice=%3Cb%3E");
    taught.own("POST /answer?stage=1&choice=%3"); // half of a byte
    taught.own("POST /answer?stage=1&choice=%ff"); // not UTF-8
    taught.own(&format!("POST /answer?stage=1&choice={}", "x".repeat(50)));
    let mut tallies = events.clone();
    taught.until("tally", &mut tallies);
    while tallies.last().unwrap()["counts"].as_object().unwrap().len() < 2 {
        taught.until("tally", &mut tallies);
    }
    let counts = &tallies.last().unwrap()["counts"];
    assert_eq!(counts, &serde_json::json!({ "<b>": 1, "FIN_WAIT1": 1 }));

    taught.program.interrupt();
    assert!(taught.program.wait().success());
}

/// A segment's ports, control bits and length.
type Traced = (u16, u16, String, u64);

/// What tshark reads in a capture.
fn read_by_tshark(file: &Path) -> Vec<Traced> {
    let fields = ["tcp.srcport", "tcp.dstport", "tcp.flags", "tcp.len"];
    let mut command = Command::new("tshark");
    command
        .args(["-n", "-T", "fields", "-Y", "tcp", "-r"])
        .arg(file);
    for field in fields {
        command.args(["-e", field]);
    }
    let output = command.output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let segment = |line: &str| {
        let mut fields = line.split('\t');
        let mut field = || fields.next().unwrap();
        let ports = (field().parse().unwrap(), field().parse().unwrap());
        let bits = u16::from_str_radix(field().trim_start_matches("0x"), 16).unwrap();
        let flags = Flags(bits as u8).to_string();
        (ports.0, ports.1, flags, field().parse().unwrap())
    };
    lines.lines().map(segment).collect()
}

/// The page shows each frame that `--pcap` keeps, and no other segment: of a lesson that is
/// captured, and of those that capture themselves.
#[test]
fn the_segments_of_a_page_are_those_that_tshark_reads() {
    if !installed("tshark") {
        return;
    }
    let folder = Temporary::new().unwrap();
    for lesson in ["hello", "handshake", "loss"] {
        let file = folder.path().join(lesson);
        let mut command = workshop(&["teach", lesson, "--port", "0", "--pcap"]);
        let mut taught = Taught::start(command.arg(&file));
        let (mut events, mut stage) = (Vec::new(), 0);
        while !events.iter().any(|event: &Value| event["event"] == "over") {
            if stage > 0 {
                assert_eq!(taught.own(&format!("POST /next?stage={stage}")).0, 200);
            }
            taught.next(&mut events);
            let ended = |event: &&Value| event["event"] == "stage_ends";
            stage = events.iter().filter(ended).count();
        }
        taught.program.interrupt();
        taught.program.wait();
        let shown = events.iter().filter(|event| event["event"] == "segment");
        let port = |end: &Value| -> u16 {
            let (_, port) = end.as_str().unwrap().rsplit_once(':').unwrap();
            port.parse().unwrap()
        };
        let shown: Vec<Traced> = shown
            .map(|segment| {
                let flags = segment["flags"].as_str().unwrap().to_owned();
                let length = segment["length"].as_u64().unwrap();
                (port(&segment["from"]), port(&segment["to"]), flags, length)
            })
            .collect();
        if !file.exists() {
            return eprintln!("skipped: no capture is allowed here");
        }
        assert_eq!(shown, read_by_tshark(&file), "{lesson}");
    }
}

#[test]
fn a_lesson_that_fails_says_so_on_the_page() {
    let mut command = workshop(&["teach", "hello", "--port", "0"]);
    let mut taught = Taught::start(command.env("REFUSE", "2"));
    let mut events = Vec::new();
    taught.until("stage_ends", &mut events);
    taught.own("POST /next?stage=1");
    taught.until("failed", &mut events);
    let text = events.last().unwrap()["text"].as_str().unwrap();
    assert!(
        text.starts_with("hello: refused, as REFUSE=2 asks: stage `2. "),
        "{text}"
    );
    taught.program.interrupt();
    assert!(taught.program.wait().success());
}

#[test]
fn the_page_is_for_this_machine_and_its_own_pages_only() {
    let mut taught = taught("hello");
    let own = format!("Host: {}\r\n", taught.addr);
    let localhost = format!("Host: localhost:{}\r\n", taught.addr.port());
    assert_eq!(taught.ask("GET /", &localhost).0, 200);
    assert_eq!(taught.ask("GET /", "Host: example.com\r\n").0, 403);
    assert_eq!(taught.ask("GET /", "").0, 403);
    assert_eq!(taught.ask("GET /", "Host: 127.0.0.1\r\n").0, 403);
    assert_eq!(taught.ask("nonsense", &own).0, 400);
    let itself = format!("{own}Origin: http://{}\r\n", taught.addr);
    assert_eq!(taught.ask("POST /answer", &itself).0, 200);
    for origin in ["null".to_owned(), format!("https://{}", taught.addr)] {
        let other = format!("{own}Origin: {origin}\r\n");
        assert_eq!(taught.ask("POST /answer", &other).0, 403, "{origin}");
    }
    let foreign = format!("{own}Origin: http://example.com\r\n");
    assert_eq!(taught.ask("POST /next?stage=1", &foreign).0, 403);
    assert_eq!(taught.ask("GET /events?from=0", &foreign).0, 403);
    assert_eq!(taught.ask("GET /../Cargo.toml", &own).0, 404);
    assert_eq!(taught.ask("PUT /next?stage=1", &own).0, 404);
    let endless = format!("{own}X: {}\r\n", "x".repeat(10_000));
    assert_eq!(taught.ask("GET /", &endless).0, 431);
    taught.program.interrupt(); // in the middle of the lesson
    assert!(taught.program.wait().success());
}

#[test]
fn what_stands_in_the_way_of_a_page_is_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (arguments, status, words) in [
        (&["teach", "ehco"][..], 2, "ehco"),
        (&["teach", "headers"], 2, "headers"),
        (&["teach"], 2, "LESSON"),
        (&["teach", "hello", "--port", &port], 3, "in use"),
        (&["teach", "hello", "--port", "70000"], 2, "--port"),
        (&["record", "ehco"], 2, "ehco"),
        (&["record", "hello", "--to", "/proc/no"], 3, "/proc/no"),
        (&["pages", "/proc/no"], 3, "/proc/no"),
    ] {
        let output = workshop(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
}

#[test]
fn a_recording_is_without_what_differs_from_run_to_run() {
    let events = vec![
        serde_json::json!({ "event": "begins", "at": 17, "time": 1.5, "address": "127.0.0.1:8330" }),
        serde_json::json!({
            "event": "shown",
            "rows": [{ "local": "127.0.0.1:45678", "timer": "on (0.20/1/0)" }],
            "text": "port 45678 of 45679 bytes",
        }),
        serde_json::json!({
            "from": "[::1]:40000",
            "info": "[SYN] Len=0 TSval=12345 TSecr=0 WS=1024",
        }),
    ];
    let stable = workshop::recording::stable(events);
    assert_eq!(
        stable,
        [
            serde_json::json!({ "event": "begins", "address": "127.0.0.1:8330" }),
            serde_json::json!({
                "event": "shown",
                "rows": [{ "local": "127.0.0.1:50001", "timer": "on (1/1/0)" }],
                "text": "port 50001 of 45679 bytes",
            }),
            serde_json::json!({ "from": "[::1]:50002", "info": "[SYN] Len=0 WS=1024" }),
        ]
    );
}

/// What of a recording is the same in each run: the stages, what they demand, and the states.
fn skeleton(path: &Path) -> Vec<String> {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let recording: Value = serde_json::from_str(&text).unwrap();
    let mut lines = Vec::new();
    for event in recording["events"].as_array().unwrap() {
        match event["event"].as_str().unwrap() {
            "stage" => lines.push(format!(
                "{}. {} {}:{}",
                event["number"],
                without_numbers(&event["title"]),
                event["file"],
                event["line"]
            )),
            "confirmed" => lines.extend(
                event["demands"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|one| format!("{}: {}", one["role"], without_numbers(&one["demand"]))),
            ),
            "shown" => {
                let ends = event["ends"].as_array().unwrap().iter();
                lines.extend(ends.map(|end| format!("{} is {}", end["role"], end["state"])));
            }
            _ => {}
        }
    }
    lines
}

fn without_numbers(text: &Value) -> String {
    text.as_str()
        .unwrap()
        .replace(|c: char| c.is_ascii_digit(), "")
}

/// Plays a lesson and writes it down. One that says that the machine is too busy for it is played
/// again: all lessons are played at once here.
fn record(lesson: &str, to: &str) -> Result<(), String> {
    let mut said = String::new();
    for _attempt in 0..3 {
        let output = workshop(&["record", lesson, "--to", to]).output().unwrap();
        if output.status.success() {
            return Ok(());
        }
        said = String::from_utf8_lossy(&output.stderr).into_owned();
        if !said.contains("machine is too busy") {
            break;
        }
    }
    Err(said)
}

#[test]
fn each_recording_has_the_text_of_its_lesson() {
    for name in workshop::recording::lessons(root()).unwrap() {
        let file = root()
            .join(workshop::recording::FOLDER)
            .join(format!("{name}.json"));
        let text = fs::read_to_string(&file).unwrap();
        let recording: Value = serde_json::from_str(&text).unwrap();
        let lesson = root().join(recording["source"]["file"].as_str().unwrap());
        assert!(
            recording["source"]["text"] == fs::read_to_string(lesson).unwrap(),
            "`{name}` has changed: cargo workshop record {name}"
        );
    }
}

#[test]
fn each_recording_is_what_its_lesson_shows() {
    let folder = Temporary::new().unwrap();
    let to = folder.path().to_str().unwrap();
    let lessons = workshop::recording::lessons(root()).unwrap();
    let recorded = root().join(workshop::recording::FOLDER);
    let mut there: Vec<PathBuf> = fs::read_dir(&recorded)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    there.sort();
    let expected: Vec<PathBuf> = lessons
        .iter()
        .map(|name| recorded.join(format!("{name}.json")))
        .collect();
    assert_eq!(
        there, expected,
        "`cargo workshop record` makes those that are missing"
    );
    let differ: BTreeMap<&str, String> = thread::scope(|scope| {
        let played: Vec<_> = lessons
            .iter()
            .map(|name| (name, scope.spawn(move || record(name, to))))
            .collect();
        let mut differ = BTreeMap::new();
        for (name, played) in played {
            let file = format!("{name}.json");
            let before = skeleton(&recorded.join(&file));
            match played.join().unwrap() {
                Err(said) => drop(differ.insert(&**name, said)),
                Ok(()) => {
                    let now = skeleton(&folder.path().join(&file));
                    let pairs = before.iter().zip(&now);
                    let other = pairs.clone().find(|(before, now)| before != now);
                    if let Some((before, now)) = other {
                        differ.insert(name, format!("recorded {before}, now {now}"));
                    } else if before.len() != now.len() {
                        differ.insert(name, "not as many stages".to_owned());
                    }
                }
            }
        }
        differ
    });
    assert!(
        differ.is_empty(),
        "record these lessons again (`cargo workshop record NAME`): {differ:#?}"
    );
}

/// Where `.ci/run` has put what drives a browser: `None`, and a word about it, if it has not.
pub fn browser() -> Option<PathBuf> {
    let folder = root().join("target/browser/");
    let is_there = |program: &str| Path::new("/usr/bin").join(program).exists();
    let has_all = is_there("chromium") && is_there("node");
    if has_all && folder.join("node_modules/playwright-core").is_dir() {
        return Some(folder);
    }
    eprintln!(
        "skipped: no node, chromium, or playwright-core in target/browser (.ci/run installs them)"
    );
    None
}

/// Runs a script, whose complaint is the test's.
pub fn in_a_browser(folder: &Path, script: &str, arguments: &[&str]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(script);
    let mut node = Command::new("node");
    let output = node
        .arg(script)
        .arg(folder)
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

#[test]
fn every_recording_is_played_to_its_end_in_a_browser() {
    let Some(browser) = browser() else { return };
    let folder = Temporary::new().unwrap();
    let output = workshop(&["pages", folder.path().to_str().unwrap()])
        .output()
        .unwrap();
    assert!(output.status.success());
    let pages = String::from_utf8(output.stdout).unwrap();
    let mut arguments = vec!["recordings"];
    arguments.extend(pages.lines());
    in_a_browser(&browser, "page.mjs", &arguments);
}

#[test]
fn a_lesson_that_fails_says_so_in_a_browser() {
    let Some(browser) = browser() else { return };
    let mut command = workshop(&["teach", "hello", "--port", "0"]);
    let mut taught = Taught::start(command.env("REFUSE", "2"));
    in_a_browser(
        &browser,
        "page.mjs",
        &["fails", &format!("http://{}/", taught.addr)],
    );
    taught.program.interrupt();
    assert!(taught.program.wait().success());
}

#[test]
fn live_lessons_are_followed_by_two_browsers_one_of_which_reloads() {
    let Some(browser) = browser() else { return };
    for (lesson, stages) in [("hello", "5"), ("echo", "6"), ("kv", "5")] {
        let mut taught = taught(lesson);
        let url = format!("http://{}/", taught.addr);
        in_a_browser(&browser, "page.mjs", &["live", &url, stages]);
        taught.program.interrupt();
        assert!(taught.program.wait().success());
    }
}

/// An answer of `echo` that fails, and what its page must say: a part of the student's line that is
/// marked, or `""` if there is none, and a part of what was seen.
struct Wrong {
    name: &'static str,
    body: &'static str,
    marked: &'static str,
    seen: &'static str,
}

const WRONG: [Wrong; 6] = [
    Wrong {
        name: "hangs",
        body: "let mut buf = [0; 5];
    loop {
        stream.read_exact(&mut buf)?;
        stream.write_all(&buf)?;
    }",
        marked: "read_exact",
        seen: "\"hello agai\", and nothing more comes",
    },
    Wrong {
        name: "spins",
        body: "let mut buf = [0; 4096];
    loop {
        let n = stream.read(&mut buf)?;
        stream.write_all(&buf[..n])?;
    }",
        marked: "stream.",
        seen: "it has not returned",
    },
    Wrong {
        name: "is wrong",
        body: "let (mut buf, mut total) = ([0; 4096], 0);
    loop {
        match stream.read(&mut buf)? {
            0 => return Ok(total),
            n => {
                buf.make_ascii_uppercase();
                stream.write_all(&buf[..n])?;
                total += n as u64;
            }
        }
    }",
        marked: "",
        seen: "\"HELLO\"",
    },
    Wrong {
        name: "panics",
        body: "println!(\"<script>throw 1</script>\");
    let n = stream.read(&mut [0; 100])?;
    assert_eq!(n, 0, \"{HOSTILE}\");
    Ok(0)",
        marked: "assert_eq!",
        seen: HOSTILE,
    },
    Wrong {
        name: "exits",
        body: "let _ = stream.read(&mut [0; 100]);
    std::process::exit(7)",
        marked: "",
        seen: "with exit status 7",
    },
    Wrong {
        name: "floods stdout",
        body: "let line = \"</script>\".repeat(10_000);
    let _ = &mut stream;
    loop {
        println!(\"{line}\");
    }",
        marked: "",
        seen: "64 MiB printed",
    },
];

/// What a page must show as text.
const HOSTILE: &str = "</script><script>document.title = 1</script><!--<img src=x onerror=throw>";

fn program(body: &str) -> String {
    format!(
        "use std::{{io::{{self, Read, Write}}, net::TcpStream, process::ExitCode}};

const HOSTILE: &str = {HOSTILE:?};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {{
    let _ = (HOSTILE, io::sink().write(b\"\"));
    {body}
}}

fn main() -> ExitCode {{
    workshop::checks::echo::SUITE.examine(echo)
}}
"
    )
}

/// The page of the first check that has failed, and its recording.
fn failure(told: &str) -> (PathBuf, String, Value) {
    let line = told.lines().last().unwrap();
    let (_, file) = line
        .split_once("as a page: file://")
        .expect("it says where the page is");
    let page = fs::read_to_string(file).unwrap();
    let (_, rest) = page.split_once(r#"id="lesson">"#).unwrap();
    let (json, _) = rest.split_once("</script>").unwrap();
    let recording = serde_json::from_str(json).unwrap();
    (file.into(), page, recording)
}

#[test]
fn the_first_check_that_fails_is_played_on_a_page() {
    let (checkout, browser) = (Checkout::fresh(), browser());
    for Wrong {
        name,
        body,
        marked,
        seen,
    } in WRONG
    {
        let program = program(body);
        fs::write(checkout.exercise("echo"), &program).unwrap();
        let (told, _) = checkout.workshop(&["check", "echo", "--page"], 1);
        let (file, page, recording) = failure(&told);
        assert_eq!(
            page.matches("</script>").count(),
            2,
            "{name}: text ends a script"
        );
        assert_eq!(recording["source"]["text"], program, "{name}");

        let events = recording["events"].as_array().unwrap();
        let of = |kind: &'static str| events.iter().filter(move |event| event["event"] == kind);
        let begins = &events[0];
        let check = begins["check"].as_str().unwrap();
        assert!(
            told.contains(&format!("\nFAILED  {check}\n")),
            "{name}: {told}"
        );
        let steps = told.split_once("\n  steps     ").unwrap().1;
        for (number, stage) in (1..).zip(of("stage")) {
            assert_eq!(stage["number"], number, "{name}");
            if begins["steps"].as_u64() < Some(12) {
                let title = stage["title"].as_str().unwrap();
                let begins = format!("{number}. {}", &title[..title.len().min(40)]);
                assert!(steps.contains(&begins), "{name}: {begins}: {told}");
            }
        }
        assert_eq!(of("stage").count() as u64, begins["steps"], "{name}");

        let failed = of("check_failed").next().unwrap();
        let is_seen = failed["seen"].as_str().unwrap().contains(seen);
        assert!(is_seen, "{name}: {}", failed["seen"]);
        let places = failed["places"].as_array().unwrap();
        assert_eq!(places.is_empty(), marked.is_empty(), "{name}: {places:?}");
        for place in places {
            let line = program
                .lines()
                .nth(place["line"].as_u64().unwrap() as usize - 1);
            assert!(line.unwrap().contains(marked), "{name}: {line:?}");
        }

        let mut owners = of("shown").flat_map(|shown| shown["rows"].as_array().unwrap());
        let has = |row: &Value, owner: &str| row["role"].as_str().unwrap_or("").starts_with(owner);
        assert!(owners.any(|row| has(row, "yours, fd ")), "{name}");
        let exams = of("shown").all(|shown| {
            let rows = shown["rows"].as_array().unwrap().iter();
            rows.filter(|row| row["state"] != "LISTEN" && has(row, "yours"))
                .count()
                < 2
        });
        assert!(exams, "{name}: the exam's end is taken for the student's");
        match begins["without_segments"].as_str() {
            None => assert_eq!(of("segment").next().unwrap()["flags"], "SYN", "{name}"),
            Some(why) => assert!(
                told.contains(&format!("Without segments: {why}.")),
                "{told}"
            ),
        }
        if let Some(browser) = &browser {
            in_a_browser(
                browser,
                "page.mjs",
                &["failure", file.to_str().unwrap(), seen],
            );
        }
    }
}

#[test]
fn a_check_without_a_failure_has_no_page() {
    let checkout = Checkout::fresh();
    fs::write(checkout.exercise("echo"), program(WRONG[2].body)).unwrap();
    let (told, _) = checkout.workshop(&["check", "echo", "--page"], 1);
    let (file, ..) = failure(&told);
    let (line, _) = checkout.workshop(&["check", "echo", "--json"], 1);
    assert!(
        !line.contains("\"trace\""),
        "nothing is traced unless it is asked for"
    );
    let last = |told: &str| told.lines().last().unwrap().to_owned();

    checkout.solve("echo");
    let (told, _) = checkout.workshop(&["check", "echo", "--page"], 0);
    assert_eq!(last(&told), "No page: no check of echo has failed.");
    assert!(!file.exists(), "the page of an earlier run is left");

    let checkout = {
        drop(checkout);
        Checkout::fresh()
    };
    let (told, _) = checkout.workshop(&["check", "echo", "--page"], 1);
    assert_eq!(last(&told), "No page: the checks of echo meet its `todo!`.");
    fs::write(checkout.exercise("echo"), "pub fn echo() {").unwrap();
    let (told, _) = checkout.workshop(&["check", "echo", "--page"], 1);
    assert_eq!(last(&told), "No page: no check was made.");
}
