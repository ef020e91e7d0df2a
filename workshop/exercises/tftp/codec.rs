//! The student's two functions, called with bytes and packets, and what they return compared.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use socket_workshop::tftp;

use super::{Options, Packet, Parse, Write, cause};
use crate::exam::{
    Because, CheckError, Exam, Stuck, Verdict, diagnosis::DEPENDS_ON_EARLIER_CALLS, dump,
};

/// A packet is shown up to this length, in characters.
const SHOWN: usize = 300;

/// Both functions, under examination.
#[derive(Clone, Copy)]
pub(super) struct Codec<'e> {
    exam: &'e Exam,
    parse: Parse,
    write: Write,
}

impl<'e> Codec<'e> {
    pub(super) fn new(exam: &'e Exam, (parse, write): (Parse, Write)) -> Codec<'e> {
        Codec { exam, parse, write }
    }

    /// `parse` must return this packet for these bytes.
    pub(super) fn parses(self, whose: &str, bytes: &[u8], wanted: &Packet) -> Verdict {
        self.returns(whose, bytes, Some(wanted))?;
        self.exam.step(format!("parsed {whose}"));
        Ok(())
    }

    /// `parse` must return None for these bytes.
    pub(super) fn refuses(self, what: &str, bytes: &[u8]) -> Verdict {
        self.returns(what, bytes, None)?;
        self.exam.step(format!("parsed {what}: None"));
        Ok(())
    }

    fn returns(self, what: &str, bytes: &[u8], wanted: Option<&Packet>) -> Verdict {
        let parse = self.parse;
        let owned = bytes.to_vec();
        let answer = self.exam.start("parse", move || parse(&owned))?;
        let got = about(bytes, None, answer.returns(&format!("for {what}")))?;
        let got = got.as_ref();
        if wanted == got {
            return Ok(());
        }
        let at = cause::offset(bytes, wanted, got);
        let expected = format!("`parse` to return {} for {what}", shown(wanted));
        let seen = format!("it has returned {}", shown(got));
        let failed = self.exam.fail(expected, seen);
        about(bytes, at, failed).because(|_| cause::of_parsing(bytes, wanted, got))
    }

    /// `write` must return these bytes for this packet.
    pub(super) fn writes(self, what: &str, packet: &Packet, wanted: &[u8]) -> Verdict {
        let write = self.write;
        let owned = packet.clone();
        let answer = self.exam.start("write", move || write(&owned))?;
        let packet_shown = shown(Some(packet));
        let got = answer.returns(&format!("for {what}: {packet_shown}"))?;
        if got == wanted {
            self.exam.step(format!("wrote {what}"));
            return Ok(());
        }
        let at = wanted.iter().zip(&got).take_while(|(a, b)| a == b).count();
        let expected = format!(
            "`write` to return these {} bytes for {packet_shown}\n{}",
            wanted.len(),
            dump(wanted, Some(at))
        );
        let seen = format!(
            "it has returned {} bytes, of which the first {at} are right",
            got.len()
        );
        about(&got, Some(at), self.exam.fail(expected, seen))
            .because(|_| cause::of_writing(packet, wanted, &got, at))
    }

    /// `parse` and `write` must turn this packet and these bytes into each other.
    pub(super) fn converts(self, what: &str, packet: &Packet, bytes: &[u8]) -> Verdict {
        self.parses(what, bytes, packet)?;
        self.writes(what, packet, bytes)
    }

    /// `parse` must return for each of these what the workshop's own codec returns. One thread
    /// makes all calls: there are many.
    pub(super) fn parses_all(self, what: &str, all: Vec<Vec<u8>>) -> Verdict {
        let parse = self.parse;
        let differs = move |bytes: &Vec<u8>| {
            let got = parse(bytes);
            got != own(bytes, got.as_ref())
        };
        let when = format!("for each of {what}");
        if let Some(bytes) = self.first("parse", all, differs, |bytes| bytes.clone(), &when)? {
            let what = format!("these {} bytes", bytes.len());
            self.returns(&what, &bytes, own(&bytes, None).as_ref())?;
            return about(&bytes, None, self.differs_by_earlier_calls("parse"));
        }
        self.exam.step(format!("parsed {what}"));
        Ok(())
    }

    /// `write` must return for each of these packets what the workshop's own codec returns.
    pub(super) fn writes_all(self, all: Vec<Packet>) -> Verdict {
        let write = self.write;
        let differs = move |packet: &Packet| write(packet) != own_bytes(packet);
        let count = all.len();
        let when = format!("for each of {count} packets");
        if let Some(packet) = self.first("write", all, differs, own_bytes, &when)? {
            let bytes = own_bytes(&packet);
            self.writes_another()?;
            self.writes("this packet", &packet, &bytes)?;
            return about(&bytes, None, self.differs_by_earlier_calls("write"));
        }
        self.exam.step(format!("wrote {count} packets"));
        Ok(())
    }

    /// A call between two: an answer that keeps something of an earlier call now keeps something
    /// else.
    fn writes_another(self) -> Verdict {
        let write = self.write;
        let text = "another packet of another length".to_owned();
        let packet = Packet::Error { code: 0, text };
        let answer = self.exam.start("write", move || write(&packet))?;
        answer.returns("for another packet")?;
        Ok(())
    }

    /// Called alone it was right.
    fn differs_by_earlier_calls(self, function: &str) -> Verdict {
        let expected = format!("`{function}` to return the same in every call");
        let seen = "it was wrong after other calls, and is right in a call alone";
        let failed = self.exam.fail(expected, seen);
        failed.diagnose(&[DEPENDS_ON_EARLIER_CALLS])
    }

    /// The first for which this is so. If the answer panics or does not return, the failure shows
    /// the bytes of the call in which that happened.
    fn first<T: Clone + Send + Sync + 'static>(
        self,
        function: &'static str,
        all: Vec<T>,
        differs: impl Fn(&T) -> bool + Send + 'static,
        bytes_of: impl Fn(&T) -> Vec<u8>,
        what: &str,
    ) -> Verdict<Option<T>> {
        let all = Arc::new(all);
        let current = Arc::new(AtomicUsize::new(0));
        let (those, now) = (Arc::clone(&all), Arc::clone(&current));
        self.exam.counts(&current);
        let answer = self.exam.start(function, move || {
            let differs = |index: &usize| {
                now.store(*index, SeqCst);
                differs(&those[*index])
            };
            First((0..those.len()).find(differs))
        })?;
        let returned = answer.returns(what);
        let during = bytes_of(&all[current.load(SeqCst)]);
        if let Err(CheckError::Failed(case)) = &returned
            && let Some(Stuck::Ceiling(time, _)) = &case.stuck
        {
            let count = all.len();
            let why = format!("{count} calls, all right so far, take longer than {time:.0?}");
            return Err(CheckError::skipped(why));
        }
        let First(first) = about(&during, None, returned)?;
        Ok(first.map(|index| all[index].clone()))
    }
}

/// Which was the first. A failure must not show it as what the function has returned.
struct First(Option<usize>);

impl fmt::Debug for First {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Shows the bytes with a failure.
fn about<T>(bytes: &[u8], at: Option<usize>, mut verdict: Verdict<T>) -> Verdict<T> {
    if let Err(CheckError::Failed(case)) = &mut verdict {
        case.bytes = Some(match bytes {
            [] => "(none: an empty datagram)".to_owned(),
            bytes => dump(bytes, at),
        });
    }
    verdict
}

/// A packet for people. Of a long one, the beginning.
fn shown(packet: Option<&Packet>) -> String {
    let text = packet.map_or_else(|| "None".to_owned(), |packet| format!("{packet:?}"));
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// What the workshop's own codec returns for these bytes. The text of an ERROR that is not UTF-8
/// may be any, so it is the answer's.
pub(super) fn own(bytes: &[u8], got: Option<&Packet>) -> Option<Packet> {
    let packet = match tftp::Packet::parse(bytes)? {
        tftp::Packet::Request {
            write,
            file,
            mode,
            options,
        } => Packet::Request {
            write,
            file,
            mode,
            options,
        },
        tftp::Packet::Data { block, bytes } => Packet::Data {
            block,
            bytes: bytes.to_vec(),
        },
        tftp::Packet::Ack(block) => Packet::Ack(block),
        tftp::Packet::Error { code, text } => match got {
            Some(Packet::Error { text: taken, .. }) if text.contains('\u{fffd}') => Packet::Error {
                code,
                text: taken.clone(),
            },
            _ => Packet::Error { code, text },
        },
        tftp::Packet::OptionAck(options) => Packet::OptionAck(options),
    };
    Some(packet)
}

/// What the workshop's own codec writes.
pub(super) fn own_bytes(packet: &Packet) -> Vec<u8> {
    let options = |options: &Options| options.clone();
    match packet {
        Packet::Request {
            write,
            file,
            mode,
            options: asked,
        } => tftp::Packet::Request {
            write: *write,
            file: file.clone(),
            mode: mode.clone(),
            options: options(asked),
        },
        Packet::Data { block, bytes } => tftp::Packet::Data {
            block: *block,
            bytes,
        },
        Packet::Ack(block) => tftp::Packet::Ack(*block),
        Packet::Error { code, text } => tftp::Packet::Error {
            code: *code,
            text: text.clone(),
        },
        Packet::OptionAck(agreed) => tftp::Packet::OptionAck(options(agreed)),
    }
    .to_bytes()
}
