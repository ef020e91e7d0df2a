//! `cargo workshop watch`: examines the current exercise whenever its file has changed, and listens
//! to keys. It looks at the file's contents, not for events: an editor that saves by renaming and a
//! network file system send none that can be relied on.

use std::{
    fs,
    io::{self, IsTerminal, Write},
    os::fd::AsFd,
    time::SystemTime,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, poll},
    sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr},
    unistd::read,
};
use socket_workshop::{
    command::{complain, output_error},
    say,
    stop::Stop,
};

use super::{Course, Status, Telling, examine::Examined};

use crate::{
    checks::Exercise,
    exam::{Printer, Report},
};

/// The time between two looks at the file.
const LOOK_AGAIN: u16 = 150; // milliseconds

/// A terminal that hands over each key as it is pressed. As it was before when the value is
/// dropped.
struct Keys(Option<Termios>);

impl Keys {
    fn one_at_a_time() -> Keys {
        let stdin = io::stdin();
        let keys = Keys(tcgetattr(&stdin).ok().filter(|_| stdin.is_terminal()));
        keys.again();
        keys
    }

    fn again(&self) {
        if let Some(mut modes) = self.0.clone() {
            let lines_with_echo = LocalFlags::ICANON | LocalFlags::ECHO;
            modes.local_flags.remove(lines_with_echo);
            let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &modes);
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, before);
        }
    }
}

impl Course {
    /// Follows an exercise, or the current one, until `q`, Ctrl-C or the end of stdin.
    ///
    /// # Errors
    /// There is no such exercise, or the output is closed.
    pub fn watch(&mut self, name: Option<&str>, stop: &Stop) -> io::Result<Status> {
        let mut exercise = self.named(name)?;
        let keys = Keys::one_at_a_time();
        let mut telling = Telling::Words;
        loop {
            let text = self.text(exercise).unwrap_or_default();
            let mut saved = self.saved_at(exercise);
            let status = self.show(exercise, telling, stop)?;
            telling = Telling::Words;
            loop {
                keys.again(); // a shell that had us in the background may have changed it
                match key(stop)? {
                    Some(b'q') => return Ok(status),
                    Some(b'n') => {
                        match self.next_after(Some(exercise)) {
                            Some(next) => exercise = next,
                            None => say!("All exercises are done.")?,
                        }
                        break;
                    }
                    Some(b'h') => self.hint(Some(exercise.name))?,
                    Some(b'l') => self.list()?,
                    Some(b'c') => break,
                    Some(b'k') => {
                        telling = Telling::Holding;
                        break;
                    }
                    _ => {}
                }
                // While an editor renames its new file into place there may be none for a moment.
                if self.text(exercise).is_ok_and(|now| now != text) {
                    break;
                }
                let now = self.saved_at(exercise);
                if now.is_some() && now != saved {
                    saved = now;
                    say!("Saved, and nothing has changed since the last check.")?;
                }
            }
        }
    }

    /// When the file was written last.
    fn saved_at(&self, exercise: &Exercise) -> Option<SystemTime> {
        let file = fs::metadata(self.root.join(exercise.path()));
        file.and_then(|file| file.modified()).ok()
    }

    /// Examines on a clear screen. Only the first failure is told in full: one thing at a time.
    fn show(&mut self, exercise: &Exercise, telling: Telling, stop: &Stop) -> io::Result<Status> {
        if io::stdout().is_terminal() {
            write!(io::stdout(), "\x1b[2J\x1b[H").map_err(output_error)?;
        }
        say!("{} ({})", exercise.name, exercise.path())?;
        let mut teller = Printer::on_stdout();
        let tell_one = |report: &Report| match teller.take(report.clone()) {
            Some(text) => say!("{text}"),
            None => Ok(()),
        };
        let status = match self.examine(exercise, telling, &mut None, tell_one) {
            Ok(examined) => {
                let failures = teller.end();
                if !failures.is_empty() {
                    say!("{failures}\n")?;
                }
                self.conclude_briefly(exercise, &examined)?;
                examined.status()
            }
            Err(_) if stop.requested() => return Ok(Status::NotChecked), // Ctrl-C has ended it too
            Err(error) => {
                complain(&format!("workshop: {error}"));
                Status::NotChecked
            }
        };
        say!("[n] next  [h] hint  [l] list  [c] check again  [k] keep sockets  [q] quit")?;
        Ok(status)
    }

    fn conclude_briefly(&self, exercise: &Exercise, examined: &Examined) -> io::Result<()> {
        let score = examined.score(exercise);
        match (examined, examined.status()) {
            (Examined::DoesNotCompile, _) => say!("It does not compile: the errors are above."),
            (_, Status::Passed) => say!("Done, and hardened: {score}. n goes on."),
            (_, Status::Failed) if score.is_done() => {
                say!("Done: {score}. n goes on; or harden it.")
            }
            (_, Status::NotChecked) => {
                say!("{score}. c checks again, n goes on without it.")
            }
            (_, Status::Failed) => say!("{score}."),
        }
    }
}

/// The key that is pressed within the next moment. End of stdin and the stop count for `q`.
fn key(stop: &Stop) -> io::Result<Option<u8>> {
    let stdin = io::stdin();
    let (readable, stopped) = {
        let mut fds = [stdin.as_fd(), stop.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        match poll(&mut fds, LOOK_AGAIN) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        (fds[0].any() == Some(true), stop.requested())
    };
    if stopped {
        return Ok(Some(b'q'));
    }
    if !readable {
        return Ok(None);
    }
    // From the descriptor: std's stdin would read ahead, and poll knows nothing of what it holds.
    let mut byte = [0];
    match read(stdin, &mut byte)? {
        0 => Ok(Some(b'q')),
        _ => Ok(Some(byte[0].to_ascii_lowercase())),
    }
}
