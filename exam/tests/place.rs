//! The threads of another process are found at the right line of the student's file, and continue
//! undisturbed.
//!
//! This program runs itself: with the name of a scene in `SCENE` it is the process that is looked
//! at. Run by root, it also runs itself as an ordinary user.

#![allow(missing_docs, reason = "a test is no library")]

#[rustfmt::skip] // the marks stand at the ends of their lines
#[path = "place/scenes.rs"]
mod scenes;

use std::{
    collections::BTreeSet,
    env, fs,
    io::{self, BufRead, BufReader, Write},
    net::{Shutdown, TcpListener, TcpStream},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, ExitCode, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use exam::place::{Place, draw, places};
use libtest_mimic::{Arguments, Failed, Trial};
use nix::{
    sys::{
        ptrace,
        signal::{Signal, kill},
        wait::{Id, WaitPidFlag, waitid},
    },
    unistd::Pid,
};

use self::scenes::{SCENES, Scene, World};

const STUDENTS: &str = "tests/place/scenes.rs";

static LOCK: Mutex<u32> = Mutex::new(0);
static STOP: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    if let Ok(name) = env::var("SCENE") {
        let scene = SCENES.iter().find(|(scene, _)| *scene == name);
        play(scene.expect("the test names a scene of the list").1);
        return ExitCode::SUCCESS;
    }
    let arguments = Arguments::from_args();
    let mut trials: Vec<Trial> = SCENES
        .iter()
        .map(|(name, _)| Trial::test(*name, move || is_seen_and_goes_on(name)))
        .collect();
    trials.push(Trial::test(
        "says_why_it_sees_nothing",
        says_why_it_sees_nothing,
    ));
    trials.push(Trial::test(
        "a_stopped_process_is_seen_and_stays_stopped",
        a_stopped_process_is_seen_and_stays_stopped,
    ));
    trials.push(Trial::test(
        "says_that_another_is_debugging_it",
        says_that_another_is_debugging_it,
    ));
    trials.push(Trial::test("takes_no_signal_away", takes_no_signal_away));
    let is_root = nix::unistd::geteuid().is_root();
    trials.push(match is_root {
        true => Trial::test(
            "an_ordinary_user_sees_the_same",
            an_ordinary_user_sees_the_same,
        ),
        // Root may look at what has forbidden it.
        false => Trial::test("says_that_it_is_forbidden", says_that_it_is_forbidden),
    });
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The process that is looked at: an answer that waits, until a line comes on stdin.
fn play(scene: Scene) {
    if env::var_os("FORBIDS").is_some() {
        nix::sys::prctl::set_dumpable(false).unwrap();
    }
    ctrlc::set_handler(|| println!("signal")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let mut peer = TcpStream::connect(addr).unwrap();
    let (stream, _) = listener.accept().unwrap();
    let (sender, messages) = mpsc::channel();
    let held = LOCK.lock().unwrap();
    let world = World {
        stream,
        listener,
        messages,
        lock: &LOCK,
        stop: &STOP,
    };
    let answer = thread::Builder::new().name("answer".to_owned());
    let answer = answer.spawn(move || scene(world)).unwrap();
    println!("ready");
    io::stdin().read_line(&mut String::new()).unwrap();
    // Whatever it waits for comes now.
    peer.write_all(b"sent up\n").unwrap();
    let _ = peer.shutdown(Shutdown::Write); // not connected, if the answer has closed by now
    let _ = sender.send(()); // no scene but some receives it
    drop(held);
    STOP.store(true, Ordering::Release);
    let _ = TcpStream::connect(addr); // refused where the listener is gone
    answer.join().unwrap();
    println!("ended");
}

/// A process that plays a scene. Dropped, it is killed.
struct Played {
    child: Child,
    lines: Receiver<String>,
    reader: Option<JoinHandle<()>>,
}

impl Played {
    fn start(scene: &str, forbids: bool) -> io::Result<Played> {
        let mut command = Command::new(env::current_exe()?);
        command.env("SCENE", scene);
        if forbids {
            command.env("FORBIDS", "1");
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().expect("it is piped");
        let (sender, lines) = mpsc::channel();
        let reader = thread::spawn(move || {
            let lines = BufReader::new(stdout).lines().map_while(Result::ok);
            lines.for_each(|line| drop(sender.send(line))); // refused after the test
        });
        let played = Played {
            child,
            lines,
            reader: Some(reader),
        };
        assert_eq!(played.says().ok().as_deref(), Some("ready"));
        Ok(played)
    }

    /// Its next line.
    fn says(&self) -> Result<String, mpsc::RecvTimeoutError> {
        self.lines.recv_timeout(Duration::from_secs(10))
    }

    /// Waits until the answer's threads block, and stay where they are.
    fn rests(&self) -> io::Result<()> {
        self.becomes('S')
    }

    /// Waits until the answer's threads have this state, and are the same at a second look.
    fn becomes(&self, state: char) -> io::Result<()> {
        let (state, mut before) = (format!("State:\t{state}"), BTreeSet::new());
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let now = answers_threads(self.child.id())?;
            let all = now.iter().all(|status| status.contains(&state));
            if now == before && all && !now.is_empty() {
                return Ok(());
            }
            assert!(Instant::now() < deadline, "not yet {state}: {now:?}");
            before = now;
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Lets it go on, and expects it to end in order.
    fn ends(mut self) -> Result<(), Failed> {
        self.child
            .stdin
            .take()
            .expect("it is piped")
            .write_all(b"\n")?;
        let ended = self.says().ok();
        let status = self.child.wait()?;
        match ended.as_deref() == Some("ended") && status.success() {
            true => Ok(()),
            false => Err(format!("it has not gone on: {ended:?}, {status}").into()),
        }
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = self.reader.take().map(JoinHandle::join);
    }
}

/// The state and the switches of each thread of the answer.
fn answers_threads(pid: u32) -> io::Result<BTreeSet<String>> {
    let mut threads = BTreeSet::new();
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let status = fs::read_to_string(task?.path().join("status"))?;
        if status.starts_with("Name:\tanswer\n") {
            threads.insert(status);
        }
    }
    Ok(threads)
}

fn is_seen_and_goes_on(scene: &str) -> Result<(), Failed> {
    let played = Played::start(scene, false)?;
    if scene == "spins" {
        return is_seen_wherever_it_is(played);
    }
    played.rests()?;
    let seen = places(played.child.id(), STUDENTS)?;
    let expected = marks(scene);
    let found: BTreeSet<(u32, String)> = seen.iter().map(mark).collect();
    let waits = |place: &Place| place.thread == "answer" && place.call != Some(-1);
    if found != expected || !seen.iter().all(waits) {
        return Err(format!("expected {expected:?}, found {seen:#?}").into());
    }
    played.ends()
}

/// A loop is somewhere else each time: on one of the lines that are marked.
fn is_seen_wherever_it_is(played: Played) -> Result<(), Failed> {
    let lines: BTreeSet<u32> = marks("spins").into_iter().map(|(line, _)| line).collect();
    let deadline = Instant::now() + Duration::from_secs(10);
    while places(played.child.id(), STUDENTS)?.is_empty() {
        assert!(Instant::now() < deadline, "its thread does not begin");
    }
    for _ in 0..30 {
        let seen = places(played.child.id(), STUDENTS)?;
        let [place] = &seen[..] else {
            return Err(format!("expected one place, found {seen:#?}").into());
        };
        if !lines.contains(&place.spot.line) || place.call != Some(-1) {
            return Err(format!("expected one of lines {lines:?}, found {place:#?}").into());
        }
    }
    played.ends()
}

/// The lines of a scene that are marked, and what is to be marked of them.
fn marks(scene: &str) -> BTreeSet<(u32, String)> {
    let source = include_str!("place/scenes.rs");
    let lines = source.lines().zip(1..);
    let mark = |(line, number): (&str, u32)| {
        let (_, mark) = line.rsplit_once("// ")?;
        let (of, text) = mark.split_once(": ").unwrap_or((mark, ""));
        (of == scene).then(|| (number, text.to_owned()))
    };
    lines.filter_map(mark).collect()
}

/// The line of a place, and what is marked of it in its picture.
fn mark(place: &Place) -> (u32, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let picture = draw(&place.spot, &root, "here", false);
    let lines: Vec<&str> = picture.lines().collect();
    let text = lines.windows(2).find_map(|pair| {
        let (start, end) = (pair[1].find('^')?, pair[1].rfind('^')?);
        pair[0].get(start..=end)
    });
    (place.spot.line, text.unwrap_or(&picture).to_owned())
}

fn says_why_it_sees_nothing() -> Result<(), Failed> {
    let mut ended = Command::new("true").spawn()?;
    let pid = ended.id();
    let without = places(std::process::id() + 1_000_000_000, STUDENTS);
    assert_eq!(without.unwrap_err().to_string(), "the process has ended");
    ended.wait()?;
    assert_eq!(
        places(pid, STUDENTS).unwrap_err().to_string(),
        "the process has ended"
    );

    let mut cat = Command::new("cat").stdin(Stdio::piped()).spawn()?;
    let seen = places(cat.id(), STUDENTS);
    drop(cat.stdin.take());
    assert!(cat.wait()?.success());
    assert_eq!(
        seen.unwrap_err().to_string(),
        "the program has no debug information"
    );
    Ok(())
}

/// As `--hold` leaves it.
fn a_stopped_process_is_seen_and_stays_stopped() -> Result<(), Failed> {
    let played = Played::start("reads", false)?;
    played.rests()?;
    let pid = Pid::from_raw(played.child.id().cast_signed());
    kill(pid, Signal::SIGSTOP)?;
    waitid(Id::Pid(pid), WaitPidFlag::WSTOPPED)?;
    let seen = places(played.child.id(), STUDENTS)?;
    let found: BTreeSet<(u32, String)> = seen.iter().map(mark).collect();
    assert_eq!(found, marks("reads"));
    played.becomes('T')?; // it was let go, and stops again
    kill(pid, Signal::SIGCONT)?;
    played.ends()
}

/// A signal that comes between our request to stop and the stop is in our hands, and passed on.
fn takes_no_signal_away() -> Result<(), Failed> {
    let played = Played::start("reads", false)?;
    played.rests()?;
    let id = played.child.id();
    let looking = AtomicBool::new(true);
    thread::scope(|scope| {
        let looks = scope.spawn(|| {
            let looks = (0..100).try_for_each(|_| places(id, STUDENTS).map(|_| ()));
            looking.store(false, Ordering::Release);
            looks
        });
        while looking.load(Ordering::Acquire) {
            kill(Pid::from_raw(id.cast_signed()), Signal::SIGINT)?;
            assert_eq!(played.says()?, "signal");
        }
        looks.join().expect("it does not panic")?;
        Ok::<_, Failed>(())
    })?;
    played.ends()
}

fn says_that_another_is_debugging_it() -> Result<(), Failed> {
    let played = Played::start("reads", false)?;
    played.rests()?;
    let id = played.child.id();
    let seen = thread::scope(|scope| {
        let (seized, is_seized) = mpsc::channel();
        let (done, is_done) = mpsc::channel::<()>();
        scope.spawn(move || {
            for task in fs::read_dir(format!("/proc/{id}/task")).unwrap() {
                let thread = task.unwrap().file_name().into_string().unwrap();
                let thread = Pid::from_raw(thread.parse().unwrap());
                ptrace::seize(thread, ptrace::Options::empty()).unwrap();
            }
            seized.send(nix::unistd::gettid()).unwrap();
            // An error: the sender is gone, and this thread ends, and detaches.
            let _ = is_done.recv();
        });
        let debugger = is_seized.recv().expect("it seizes each thread");
        let seen = places(id, STUDENTS);
        drop(done);
        seen.map_err(|reason| (debugger, reason.to_string()))
    });
    let (debugger, why) = seen.expect_err("a thread has one tracer at most");
    assert_eq!(why, format!("process {debugger} is debugging it already"));
    played.ends()
}

fn says_that_it_is_forbidden() -> Result<(), Failed> {
    let played = Played::start("reads", true)?;
    played.rests()?;
    let seen = places(played.child.id(), STUDENTS);
    let why = "the process has forbidden it (PR_SET_DUMPABLE)";
    assert_eq!(seen.unwrap_err().to_string(), why);
    played.ends()
}

fn an_ordinary_user_sees_the_same() -> Result<(), Failed> {
    let mut command = Command::new(env::current_exe()?);
    command
        .uid(1000)
        .gid(1000)
        .current_dir("/")
        .env("HOME", "/tmp");
    let output = match command.output() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            println!("not tried: an ordinary user cannot get at this program");
            return Ok(());
        }
        output => output?,
    };
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stdout).into_owned().into()),
    }
}
