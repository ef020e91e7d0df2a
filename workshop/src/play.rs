//! Runs a lesson: what it tells, event by event (`docs/recordings.md`), and between the events the
//! segments that passed, if this process may capture.
//!
//! The lesson writes its events into a pipe that has a name (fifo(7)). It waits for a line of its
//! stdin after each stage.

use std::{
    collections::VecDeque,
    ffi::OsStr,
    fs::{File, OpenOptions},
    io::{self, ErrorKind, PipeReader, Read, Write},
    os::{fd::AsFd, unix::fs::OpenOptionsExt},
    path::Path,
    process::{Child, Command, Stdio},
};

use nix::{
    errno::Errno,
    fcntl::OFlag,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::stat::Mode,
    unistd::mkfifo,
};
use serde_json::{Value, json};
use socket_workshop::{fault::Attempt, folder::Temporary, stop::Stop};
use wire::{capture::Capture, segment::Segment};

/// How many segments of a stage are kept. Further ones are counted.
pub(crate) const SEGMENTS: usize = 60;

/// How much of what a lesson prints is kept, in bytes: its last words, if it fails.
const LAST_WORDS: usize = 16 << 10;

/// A lesson that is running.
#[derive(Debug)]
pub struct Play {
    name: String,
    lesson: Child,
    /// Until the lesson has closed it.
    events: Option<File>,
    /// What the lesson prints on stdout and stderr, and whether it may still print.
    printed: Option<PipeReader>,
    last_words: Vec<u8>,
    capture: Option<Capture>,
    /// When the lesson began, in seconds since 1970.
    begun: Option<f64>,
    /// The beginning of an event.
    part: Vec<u8>,
    /// Segments of this stage: those that no event has come after.
    segments: VecDeque<Value>,
    kept: usize,
    left_out: usize,
    ready: VecDeque<Value>,
    _folder: Temporary,
}

/// What comes next in a lesson.
#[derive(Debug)]
pub enum Next {
    /// An event, or a segment.
    Event(Value),
    /// The stop was requested.
    Stopped,
    /// The lesson has ended. If it has failed, its last words.
    Ended(Result<(), String>),
}

impl Play {
    /// Starts the lesson that is this program, with these arguments besides. With a capture, the
    /// segments that pass come between the events.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(
        program: &Path,
        arguments: &[&OsStr],
        capture: Option<Capture>,
    ) -> io::Result<Play> {
        let folder = Temporary::new()?;
        let fifo = folder.path().join("events");
        mkfifo(&fifo, Mode::S_IRUSR | Mode::S_IWUSR)?;
        let events = OpenOptions::new()
            .read(true)
            .custom_flags(OFlag::O_NONBLOCK.bits()) // open does not wait for a writer then
            .open(&fifo)?;
        let (printed, printer) = io::pipe()?;
        let lesson = Command::new(program)
            .args(["--step", "--record"])
            .arg(&fifo)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(printer.try_clone()?)
            .stderr(printer)
            .spawn()
            .attempt(|| format!("cannot run {}", program.display()))?;
        let name = program.file_stem().unwrap_or_default();
        Ok(Play {
            name: name.to_string_lossy().into_owned(),
            lesson,
            events: Some(events),
            printed: Some(printed),
            last_words: Vec::new(),
            capture,
            begun: None,
            part: Vec::new(),
            segments: VecDeque::new(),
            kept: 0,
            left_out: 0,
            ready: VecDeque::new(),
            _folder: folder,
        })
    }

    /// Lets the lesson go on after a stage.
    pub fn go_on(&mut self) {
        if let Some(stdin) = &mut self.lesson.stdin {
            let _ = stdin.write_all(b"\n"); // fails if the lesson has ended
        }
    }

    /// Waits for what comes next.
    ///
    /// # Errors
    /// The lesson's events are not what they should be, or cannot be read.
    pub fn next(&mut self, stop: &Stop) -> io::Result<Next> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Next::Event(event));
            }
            if stop.requested() {
                return Ok(Next::Stopped);
            }
            if self.printed.is_some() {
                self.wait(stop)?;
            }
            self.take_segments()?;
            self.take_words()?;
            let is_over = self.printed.is_none(); // all its events are in the pipe by now
            self.take_events()?;
            if is_over && self.ready.is_empty() {
                let status = self.lesson.wait()?;
                return Ok(Next::Ended(match status.success() {
                    true => Ok(()),
                    false => Err(self.complaint()),
                }));
            }
        }
    }

    /// What the lesson says of its failure: `echo: …`, and all that follows.
    fn complaint(&self) -> String {
        let words = String::from_utf8_lossy(&self.last_words);
        let begins = words.rfind(&format!("\n{}: ", self.name)).unwrap_or(0);
        words[begins..].trim().to_owned()
    }

    /// Waits until something has come, or the stop.
    fn wait(&self, stop: &Stop) -> io::Result<()> {
        let ready = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut fds = vec![ready(stop.as_fd())];
        fds.extend(self.printed.as_ref().map(|printed| ready(printed.as_fd())));
        fds.extend(self.events.as_ref().map(|events| ready(events.as_fd())));
        fds.extend(self.capture.as_ref().map(|capture| ready(capture.as_fd())));
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    fn take_words(&mut self) -> io::Result<()> {
        let Some(printed) = &mut self.printed else {
            return Ok(());
        };
        let mut readable = [PollFd::new(printed.as_fd(), PollFlags::POLLIN)];
        if poll(&mut readable, PollTimeout::ZERO)? == 0 {
            return Ok(());
        }
        let mut buf = [0; LAST_WORDS];
        match printed.read(&mut buf)? {
            0 => self.printed = None,
            n => {
                self.last_words.extend(&buf[..n]);
                let before = self.last_words.len().saturating_sub(LAST_WORDS);
                self.last_words.drain(..before);
            }
        }
        Ok(())
    }

    fn take_events(&mut self) -> io::Result<()> {
        let mut buf = [0; 4 << 10];
        while let Some(events) = &mut self.events {
            match events.read(&mut buf) {
                Ok(0) if self.begun.is_none() => return Ok(()), // the lesson has not opened it yet
                Ok(0) => self.events = None,
                Ok(n) => self.part.extend(&buf[..n]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
            while let Some(end) = self.part.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.part.drain(..=end).collect();
                let event = serde_json::from_slice(&line).map_err(io::Error::other);
                self.take_event(event.attempt(|| "an event of the lesson".to_owned())?)?;
            }
        }
        Ok(())
    }

    /// What passed before an event comes before it: the kernel keeps segments, with their times,
    /// until they are read.
    fn take_event(&mut self, event: Value) -> io::Result<()> {
        if event["event"] == "begins" {
            self.begun = event["time"].as_f64();
        }
        self.take_segments()?;
        let at = event["at"].as_i64().unwrap_or(i64::MAX);
        while self
            .segments
            .front()
            .is_some_and(|passed| passed["at"].as_i64() <= Some(at))
        {
            self.ready.extend(self.segments.pop_front());
        }
        if event["event"] == "shown" && self.left_out > 0 {
            let count = std::mem::take(&mut self.left_out);
            self.ready
                .push_back(json!({ "event": "segments_left_out", "at": at, "count": count }));
        }
        if event["event"] == "stage_ends" {
            self.kept = 0;
        }
        self.ready.push_back(event);
        Ok(())
    }

    fn take_segments(&mut self) -> io::Result<()> {
        let (Some(capture), Some(begun)) = (&mut self.capture, self.begun) else {
            return Ok(()); // before the lesson begins it has no sockets
        };
        while let Some((time, segment, info)) = capture.passed()? {
            if self.kept == SEGMENTS {
                self.left_out += 1;
                continue;
            }
            self.kept += 1;
            let at = (time.as_secs_f64() - begun) * 1e6;
            self.segments.push_back(passed(at as i64, &segment, &info));
        }
        Ok(())
    }
}

/// The event of a segment that has passed: when, the segment, and what Wireshark would say of it.
pub(crate) fn passed(at: i64, segment: &Segment, info: &str) -> Value {
    let mut event = segment.passed(info.to_owned()).event();
    event["at"] = json!(at);
    event
}

/// A lesson does not outlive its play.
impl Drop for Play {
    fn drop(&mut self) {
        let _ = self.lesson.kill(); // fails if it has ended
        let _ = self.lesson.wait();
    }
}
