//! `cargo workshop teach`: a lesson on a page in the browser, live, one stage at a time.
//!
//! The page asks for the events that it does not have yet, and the answer waits until there is one
//! ("long polling"). So a page that is loaded again has all of them, and several browsers see the
//! same. Only this machine's browsers are answered, and only pages of this server: the others are
//! told so by their Host and Origin (RFC 9110 section 7.2, RFC 6454 section 7).

mod http;

use std::{
    collections::BTreeMap,
    io::{self, ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::net::UnixStream,
    path::Path,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use socket_workshop::{
    listen::Listen,
    say,
    serve::{Connection, serve},
    stop::Stop,
};
use wire::{
    capture::{Capture, Files},
    namespace,
};

use self::http::{Answer, Request};
use crate::{
    play::{Next, Play},
    recording,
};

/// Browsers that are served at a time; each has a request that waits.
const BROWSERS: usize = 64;

/// How long a request for events waits before it is answered with none. Shorter than a browser's
/// or a proxy's patience.
const PATIENCE: Duration = Duration::from_secs(20);

/// Lessons that capture their segments themselves, in a network of their own.
const CAPTURING: [&str; 2] = ["handshake", "loss"];

/// How long an answer to a question may be, in bytes: the name of a state, or a few words.
const LONGEST_CHOICE: usize = 40;

/// Plays a lesson on a page at this port of 127.0.0.1, until Ctrl-C.
///
/// # Errors
/// There is no such lesson, it does not compile, or the port is taken.
pub fn teach(root: &Path, name: &str, port: u16, pcap: Option<&Path>) -> io::Result<()> {
    let program = recording::program(root, name)?;
    let source = recording::source(root, name)?;
    // A socket stays in the network in which it was made: browsers reach this one, and the lesson
    // has a network of its own.
    let listener = Listen::default().on(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    let addr = listener.local_addr()?;
    let (capture, arguments) = match CAPTURING.contains(&name) {
        true => {
            say!("netstat for the lesson:  the page says how to enter its network")?;
            let pcap = pcap.map(|file| ["--pcap".as_ref(), file.as_os_str()]);
            (None, pcap.map_or(Vec::new(), Vec::from))
        }
        false => (captured(pcap)?, Vec::new()),
    };
    let stop = Stop::on_ctrl_c()?;
    say!("{name}:  http://{addr}/   (Ctrl-C ends it)")?;
    let (bell, rung) = UnixStream::pair()?;
    let live = Live {
        lesson: json!({ "lesson": name, "source": source, "live": true }),
        addr,
        bell,
        shown: Mutex::default(),
        more: Condvar::new(),
    };
    let play = Play::start(&program, &arguments, capture)?;
    live.show(play, listener, &stop, &rung)
}

/// Enters a network of the lesson's own, and begins a capture there, where the kernel allows it.
fn captured(pcap: Option<&Path>) -> io::Result<Option<Capture>> {
    match namespace::enter() {
        Ok(door) => {
            say!("netstat for the lesson:  {door} watch -n1 netstat -nat")?;
            let pcap = pcap.map(Path::to_owned);
            Capture::on_loopback(None, &Files { pcap, svg: None }).map(Some)
        }
        Err(refused) => {
            say!("Without segments: the lesson {refused}.")?;
            Ok(None)
        }
    }
}

/// What the browsers share.
struct Live {
    lesson: Value,
    addr: SocketAddr,
    /// A byte for each time that the lesson shall go on.
    bell: UnixStream,
    shown: Mutex<Shown>,
    more: Condvar,
}

#[derive(Default)]
struct Shown {
    /// As JSON.
    events: Vec<String>,
    stage: u64,
    /// Whether this stage is over, and the lesson waits.
    waits: bool,
    /// How often each answer was given, for each stage.
    tallies: BTreeMap<u64, BTreeMap<String, u64>>,
    /// No other event comes.
    is_over: bool,
}

impl Live {
    fn show(
        &self,
        mut play: Play,
        listener: TcpListener,
        stop: &Stop,
        rung: &UnixStream,
    ) -> io::Result<()> {
        thread::scope(|scope| {
            let server =
                scope.spawn(|| serve(listener, stop, BROWSERS, |browser| self.serve(browser)));
            let played = self.play(&mut play, stop, rung);
            if played.is_err() {
                stop.request();
            } else {
                let _ended_by_ctrl_c = stop.readable(rung, None); // the page can still be read
            }
            self.shown().is_over = true;
            self.more.notify_all();
            let served = server
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            played.and(served.map(drop))
        })
    }

    /// Plays the lesson to its end, at the browsers' pace.
    fn play(&self, play: &mut Play, stop: &Stop, mut rung: &UnixStream) -> io::Result<()> {
        loop {
            let event = match play.next(stop)? {
                Next::Event(event) => event,
                Next::Stopped => return Ok(()),
                Next::Ended(Ok(())) => json!({ "event": "over" }),
                Next::Ended(Err(words)) => json!({ "event": "failed", "text": words }),
            };
            let kind = event["event"].as_str().unwrap_or_default().to_owned();
            if let Some(number) = event["number"].as_u64().filter(|_| kind == "stage") {
                self.shown().stage = number;
            }
            self.shown().waits = kind == "stage_ends";
            self.push(&event);
            match kind.as_str() {
                "stage_ends" => {
                    match stop.readable(rung, None) {
                        Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
                        readable => readable?,
                    };
                    rung.read_exact(&mut [0])?;
                    play.go_on();
                }
                "over" | "failed" => return Ok(()),
                _ => {}
            }
        }
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, event: &Value) {
        self.shown().events.push(event.to_string());
        self.more.notify_all();
    }

    /// Answers a browser's requests, one connection for each.
    fn serve(&self, browser: &Connection) -> io::Result<()> {
        let answer = match http::read(browser, self.addr)? {
            Ok(request) => self.answer(&request),
            Err(refused) => refused,
        };
        answer.write(browser)
    }

    fn answer(&self, request: &Request) -> Answer {
        let number = |name| request.parameter(name).and_then(|text| text.parse().ok());
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/") => Answer::html(crate::page::of(&self.lesson)),
            ("GET", "/events") => Answer::json(self.events(number("from").unwrap_or(0) as usize)),
            ("POST", "/next") => {
                self.go_on(number("stage"));
                Answer::done()
            }
            ("POST", "/answer") => {
                if let (Some(stage), Some(choice)) = (number("stage"), request.parameter("choice"))
                {
                    self.tally(stage, &choice);
                }
                Answer::done()
            }
            _ => Answer::not_found(),
        }
    }

    /// The events from this one on. Waits if there is none.
    fn events(&self, from: usize) -> String {
        let none = |shown: &mut Shown| shown.events.len() <= from && !shown.is_over;
        let shown = self.more.wait_timeout_while(self.shown(), PATIENCE, none);
        let (shown, _) = shown.unwrap_or_else(PoisonError::into_inner);
        let events = shown.events.get(from..).unwrap_or_default();
        format!(
            "{{\"over\":{},\"events\":[{}]}}",
            shown.is_over,
            events.join(",")
        )
    }

    /// Lets the lesson go on, if it waits after this stage: of two browsers only the first does.
    fn go_on(&self, stage: Option<u64>) {
        let mut shown = self.shown();
        if shown.waits && stage == Some(shown.stage) {
            shown.waits = false;
            let _ = (&self.bell).write_all(&[0]); // fails if the play is over
        }
    }

    /// Counts an answer to this stage's question.
    fn tally(&self, stage: u64, choice: &str) {
        if choice.len() > LONGEST_CHOICE {
            return;
        }
        let mut shown = self.shown();
        if stage > shown.stage {
            return;
        }
        let tally = shown.tallies.entry(stage).or_default();
        if tally.len() < 20 || tally.contains_key(choice) {
            *tally.entry(choice.to_owned()).or_default() += 1;
        }
        let event = json!({ "event": "tally", "stage": stage, "counts": tally });
        drop(shown);
        self.push(&event);
    }
}
