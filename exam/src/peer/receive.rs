//! What a peer waits for: bytes, a line, end of file, or nothing.

use std::{
    io::{self, ErrorKind},
    os::fd::AsRawFd,
    time::{Duration, Instant},
};

use nix::{errno::Errno, poll::PollFlags, sys::socket::recv};

use super::{NOW, Peer};

use crate::{
    Awaited, CheckError, Verdict,
    text::{mark, parting, quote},
    threads,
    waiting::is_ready,
};

/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;

/// How a read for a number of bytes ended before they were all there.
enum Short {
    EndOfFile,
    /// Nothing more will come.
    Silence,
    Broken(io::Error),
}

impl Peer<'_> {
    /// Reads exactly this.
    ///
    /// # Errors
    /// Something else has come, or not all of it.
    pub fn receives(&self, expected: &[u8]) -> Verdict {
        let (mut got, mut short) = (Vec::new(), None);
        while got.len() < expected.len() && expected.starts_with(&got) && short.is_none() {
            let (more, end) = self.read((expected.len() - got.len()).min(CHUNK))?;
            got.extend(more);
            short = end;
        }
        let at = parting(&got, expected);
        if at == expected.len() {
            self.step(&format!("read {}", quote(expected)));
            return Ok(());
        }
        let seen = if at < got.len() {
            format!("other bytes:\n{}", mark(&got, at))
        } else {
            let got_so_far = if got.is_empty() {
                "nothing".to_owned()
            } else {
                quote(&got)
            };
            match short {
                Some(Short::EndOfFile) => format!("{got_so_far}, then end of file"),
                Some(Short::Broken(error)) => format!("{got_so_far}, then {error}"),
                _ => format!("{got_so_far}, and nothing more comes"),
            }
        };
        let wanted = expected.to_vec();
        let expected = if expected.len() == got.len() && at > 20 {
            format!(
                "{}, and at byte {at}:\n{}",
                quote(expected),
                mark(expected, at)
            )
        } else {
            format!("to read {}", quote(expected))
        };
        let mut failed = self.fail(Awaited::Bytes, expected, seen, got);
        if let Err(CheckError::Failed(case)) = &mut failed {
            case.wanted = wanted;
        }
        failed
    }

    /// Reads to the end of file, which must come before anything else.
    ///
    /// # Errors
    /// Bytes have come, a reset, or nothing.
    pub fn ends(&self) -> Verdict {
        let (got, short) = self.read(1)?;
        let seen = match short {
            Some(Short::EndOfFile) => {
                self.step("read end of file");
                return Ok(());
            }
            Some(Short::Silence) => "nothing comes: the connection is still open".to_owned(),
            Some(Short::Broken(error)) => error.to_string(),
            None => {
                self.exam.comes_to_rest()?; // what it is about to write shall be seen
                let mut more = got.clone();
                more.extend(self.read_now(200).0);
                format!("more bytes: {}", quote(&more))
            }
        };
        let expected = "end of file, and no more bytes before it".to_owned();
        self.fail(Awaited::EndOfFile, expected, seen, got)
    }

    /// Waits until the answer has done what it does now, and expects no bytes. End of file and a
    /// reset are as good as silence.
    ///
    /// # Errors
    /// Bytes have come.
    pub fn receives_no_more(&self) -> Verdict {
        self.exam.comes_to_rest()?;
        let (got, _) = self.read_now(200);
        if got.is_empty() {
            return Ok(());
        }
        let seen = format!("more bytes: {}", quote(&got));
        self.fail(Awaited::Nothing, "no more bytes".to_owned(), seen, got)
    }

    /// Reads to a reset, which must come before anything else.
    ///
    /// # Errors
    /// Bytes have come, end of file, or nothing.
    pub fn is_reset(&self) -> Verdict {
        let (got, short) = self.read(1)?;
        let seen = match short {
            Some(Short::Broken(error)) if error.kind() == ErrorKind::ConnectionReset => {
                self.step("its connection was reset");
                return Ok(());
            }
            Some(Short::EndOfFile) => "end of file".to_owned(),
            Some(Short::Silence) => "nothing comes: the connection is still open".to_owned(),
            Some(Short::Broken(error)) => error.to_string(),
            None => format!("bytes: {}", quote(&got)),
        };
        let expected = "a reset, and neither bytes nor end of file before it".to_owned();
        self.fail(Awaited::Nothing, expected, seen, got)
    }

    /// Expects silence: until it is proven that nothing can arrive, or for this time, which is the
    /// subject. The connection must stay open and silent.
    ///
    /// # Errors
    /// Bytes have come, end of file, or a reset.
    pub fn receives_nothing_for(&self, time: Duration) -> Verdict {
        self.hears_nothing(time)?;
        // The wait may have ended sooner than this time, by a proof.
        let students = threads::students().unwrap_or_default();
        self.step(&match threads::blocked(&students) {
            Some(blocked) => format!("received nothing: {blocked}"),
            None => "received nothing, and the connection is still open".to_owned(),
        });
        Ok(())
    }

    /// As [`Peer::receives_nothing_for`], for a time that is only a limit: an answer that waits
    /// without a timeout is not waited for, and the step says no time.
    ///
    /// # Errors
    /// Bytes have come, end of file, or a reset.
    pub fn is_silent(&self, most: Duration) -> Verdict {
        self.hears_nothing(most)?;
        self.step("is silent, and the connection stays open");
        Ok(())
    }

    fn hears_nothing(&self, time: Duration) -> Verdict {
        let until = Instant::now() + time;
        let (mut got, mut short) = (Vec::new(), None);
        self.exam.wait_for(|rest| {
            let rest = rest.min(until.saturating_duration_since(Instant::now()));
            is_ready(&self.stream, PollFlags::POLLIN, rest)?;
            (got, short) = self.read_now(1);
            let silent = matches!(short, Some(Short::Silence));
            Ok((!silent || Instant::now() >= until).then_some(()))
        })?;
        if matches!(short, Some(Short::Silence)) {
            self.exam.comes_to_rest()?; // on a busy machine it may not have had its turn yet
            (got, short) = self.read_now(1);
        }
        let seen = match short {
            Some(Short::Silence) => return Ok(()),
            Some(Short::EndOfFile) => "end of file".to_owned(),
            Some(Short::Broken(error)) => error.to_string(),
            None => format!("bytes: {}", quote(&got)),
        };
        let expected = "nothing to come, and the connection to stay open".to_owned();
        self.fail(Awaited::Nothing, expected, seen, got)
    }

    /// Reads to a newline; returns the line without it.
    ///
    /// # Errors
    /// There was none.
    pub fn line(&self) -> Verdict<Vec<u8>> {
        let mut line = Vec::new();
        loop {
            match self.read(1)? {
                (byte, None) if byte == b"\n" => {
                    self.step(&format!("read {}", quote(&[&line[..], b"\n"].concat())));
                    return Ok(line);
                }
                (byte, None) => line.extend(byte),
                (_, Some(short)) => {
                    let after = match short {
                        Short::EndOfFile => "then end of file".to_owned(),
                        Short::Silence => "and no newline comes".to_owned(),
                        Short::Broken(error) => format!("then {error}"),
                    };
                    let seen = format!("{} {after}", quote(&line));
                    return self.fail(Awaited::Bytes, "a line".to_owned(), seen, line);
                }
            }
        }
    }

    /// Reads until `count` bytes are there, or no more will come.
    fn read(&self, count: usize) -> Verdict<(Vec<u8>, Option<Short>)> {
        let mut got = Vec::new();
        let end = self.exam.wait_for(|rest| {
            is_ready(&self.stream, PollFlags::POLLIN, rest)?;
            let (more, short) = self.read_now(count - got.len());
            got.extend(more);
            Ok(match short {
                Some(Short::Silence) => None,
                end => Some(end),
            })
        })?;
        Ok((got, end.unwrap_or(Some(Short::Silence))))
    }

    /// Reads what is there, up to `count` bytes.
    fn read_now(&self, count: usize) -> (Vec<u8>, Option<Short>) {
        let (mut got, mut buf) = (Vec::new(), vec![0; count.min(CHUNK)]);
        while got.len() < count {
            let room = buf.len().min(count - got.len());
            match recv(self.stream.as_raw_fd(), &mut buf[..room], NOW) {
                Ok(0) => return (got, Some(Short::EndOfFile)),
                Ok(n) => {
                    got.extend(&buf[..n]);
                    self.exam.has_moved(n);
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return (got, Some(Short::Silence)),
                Err(errno) => return (got, Some(Short::Broken(errno.into()))),
            }
        }
        (got, None)
    }
}
