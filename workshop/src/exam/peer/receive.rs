//! What a peer waits for: bytes, a line, end of file, or nothing.

use std::{
    io::{self, ErrorKind, Read},
    time::{Duration, Instant},
};

use socket_workshop::deadline::Deadline;

use super::Peer;

use crate::exam::{
    Awaited, LIMIT, Unmet, Verdict,
    text::{mark, parting, quote},
};

/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;

/// How a read for a number of bytes ended before they were all there.
enum Short {
    EndOfFile,
    Silence,
    Broken(io::Error),
}

impl Peer<'_> {
    /// Reads exactly this; whatever is still missing must go on coming within [`LIMIT`].
    ///
    /// # Errors
    /// Something else has come, or not all of it.
    pub fn receives(&self, expected: &[u8]) -> Verdict {
        let (mut got, mut short) = (Vec::new(), None);
        while got.len() < expected.len() && expected.starts_with(&got) && short.is_none() {
            let (more, end) = self.read((expected.len() - got.len()).min(CHUNK), LIMIT);
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
                _ => format!("{got_so_far} within {LIMIT:?}"),
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
        if let Err(Unmet::Failed(case)) = &mut failed {
            case.wanted = wanted;
        }
        failed
    }

    /// Reads to the end of file, which must come within [`LIMIT`] and before anything else.
    ///
    /// # Errors
    /// Bytes have come, a reset, or nothing.
    pub fn ends(&self) -> Verdict {
        let (got, short) = self.read(1, LIMIT);
        let seen = match short {
            Some(Short::EndOfFile) => {
                self.step("read end of file");
                return Ok(());
            }
            Some(Short::Silence) => {
                format!("nothing within {LIMIT:?}: the connection is still open")
            }
            Some(Short::Broken(error)) => error.to_string(),
            None => {
                let mut more = got.clone();
                more.extend(self.read(200, Duration::from_millis(50)).0);
                format!("more bytes: {}", quote(&more))
            }
        };
        let expected = "end of file, and no more bytes before it".to_owned();
        self.fail(Awaited::EndOfFile, expected, seen, got)
    }

    /// Reads to a reset, which must come within [`LIMIT`] and before anything else.
    ///
    /// # Errors
    /// Bytes have come, end of file, or nothing.
    pub fn is_reset(&self) -> Verdict {
        let (got, short) = self.read(1, LIMIT);
        let seen = match short {
            Some(Short::Broken(error)) if error.kind() == ErrorKind::ConnectionReset => {
                self.step("its connection was reset");
                return Ok(());
            }
            Some(Short::EndOfFile) => "end of file".to_owned(),
            Some(Short::Silence) => {
                format!("nothing within {LIMIT:?}: the connection is still open")
            }
            Some(Short::Broken(error)) => error.to_string(),
            None => format!("bytes: {}", quote(&got)),
        };
        let expected = "a reset, and neither bytes nor end of file before it".to_owned();
        self.fail(Awaited::Nothing, expected, seen, got)
    }

    /// Reads nothing for as long as this, which is the subject: the connection must stay open and
    /// silent.
    ///
    /// # Errors
    /// Bytes have come, end of file, or a reset.
    pub fn hears_nothing_for(&self, time: Duration) -> Verdict {
        let (got, short) = self.read(1, time);
        let seen = match short {
            Some(Short::Silence) => {
                self.step(&format!("heard nothing for {time:?}"));
                return Ok(());
            }
            Some(Short::EndOfFile) => "end of file".to_owned(),
            Some(Short::Broken(error)) => error.to_string(),
            None => format!("bytes: {}", quote(&got)),
        };
        let expected = "nothing to come, and the connection to stay open".to_owned();
        self.fail(Awaited::Nothing, expected, seen, got)
    }

    /// Reads to a newline, which must come within [`LIMIT`]; returns the line without it.
    ///
    /// # Errors
    /// There was none.
    pub fn line(&self) -> Verdict<Vec<u8>> {
        let mut line = Vec::new();
        let deadline = Instant::now() + LIMIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.read(1, left.max(Duration::from_millis(1))) {
                (byte, None) if byte == b"\n" => {
                    self.step(&format!("read {}", quote(&[&line[..], b"\n"].concat())));
                    return Ok(line);
                }
                (byte, None) => line.extend(byte),
                (_, Some(short)) => {
                    let after = match short {
                        Short::EndOfFile => "then end of file".to_owned(),
                        Short::Silence => format!("and no newline within {LIMIT:?}"),
                        Short::Broken(error) => format!("then {error}"),
                    };
                    let seen = format!("{} {after}", quote(&line));
                    return self.fail(Awaited::Bytes, "a line".to_owned(), seen, line);
                }
            }
        }
    }

    /// Reads until so many bytes are there, the time is over, or there will be no more.
    fn read(&self, count: usize, limit: Duration) -> (Vec<u8>, Option<Short>) {
        let mut stream = Deadline::after(limit).on(&self.stream);
        let (mut got, mut buf) = (Vec::new(), vec![0; count.min(CHUNK)]);
        while got.len() < count {
            let room = buf.len().min(count - got.len());
            match stream.read(&mut buf[..room]) {
                Ok(0) => return (got, Some(Short::EndOfFile)),
                Ok(n) => got.extend(&buf[..n]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::TimedOut => {
                    return (got, Some(Short::Silence));
                }
                Err(error) => return (got, Some(Short::Broken(error))),
            }
        }
        (got, None)
    }
}
