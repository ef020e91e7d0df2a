//! The last line of defence: a lesson is refused while one of its threads waits endlessly. The
//! program is its own lesson, so it has its own `main`.

use std::{
    env, fs,
    io::{self, Read},
    net::TcpListener,
    process::{Command, ExitCode, Stdio},
    thread,
    time::{Duration, Instant},
};

use socket_workshop::{
    command,
    deadline::Deadline,
    folder::Temporary,
    stage::{Flags, Story},
};

/// Set for the process that is the lesson.
const LESSON: &str = "ENDING_LESSON";

/// It takes one second, and longer on a busy machine. A hang does not end at all.
const LIMIT: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    match env::var(LESSON).as_deref() {
        Ok("hangs") => command::run(|flags: Flags| hangs(&flags)),
        Ok("forgets") => command::run(|flags: Flags| forgets(&flags)),
        _ => {
            ends_with_one_message("hangs");
            ends_with_one_message("forgets");
            ExitCode::SUCCESS
        }
    }
}

/// Returns an error from a scope, one of whose threads waits for a client that never comes.
fn hangs(flags: &Flags) -> io::Result<()> {
    let _temporary = Temporary::new()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut story = Story::begin(flags, listener.local_addr()?)?;
    thread::scope(|scope| {
        scope.spawn(|| listener.accept());
        story.claim("one is two", false)
    })
}

/// Goes on after a refusal, to the end.
fn forgets(flags: &Flags) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut story = Story::begin(flags, listener.local_addr()?)?;
    let _forgotten = story.claim("one is two", false);
    let _forgotten = story.claim("two is three", false);
    story.end()
}

/// Plays a lesson: it must end with status 1, the first refusal and nothing else on stderr, and
/// without its temporary folder.
fn ends_with_one_message(lesson: &str) {
    let temporary = Temporary::new().unwrap();
    let started = Instant::now();
    let mut child = Command::new(env::current_exe().unwrap())
        .env(LESSON, lesson)
        .env("TMPDIR", temporary.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let ended = Deadline::after(LIMIT).wait_for(|| child.try_wait());
    let Some(status) = ended.unwrap() else {
        child.kill().unwrap();
        panic!("it has not ended after {:?}", started.elapsed());
    };
    let mut said = String::new();
    let mut stderr = child.stderr.unwrap();
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    let first = "not so on this machine: one is two\n";
    assert!(said.ends_with(first), "{said}");
    let left = fs::read_dir(temporary.path()).unwrap().count();
    assert_eq!(left, 0, "a temporary folder is left");
    println!("{lesson}: ended after {:.1?}", started.elapsed());
}
