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
use crate::exam::{Because, Exam, Stuck, Unmet, Verdict, dump};

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

    /// `parse` must give this packet for these bytes.
    pub(super) fn reads(self, whose: &str, bytes: &[u8], wanted: &Packet) -> Verdict {
        self.parses(whose, bytes, Some(wanted))?;
        self.exam.step(format!("parsed {whose}"));
        Ok(())
    }

    /// `parse` must give None for these bytes.
    pub(super) fn refuses(self, what: &str, bytes: &[u8]) -> Verdict {
        self.parses(what, bytes, None)
    }

    fn parses(self, what: &str, bytes: &[u8], wanted: Option<&Packet>) -> Verdict {
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
        about(bytes, at, failed).because(|_| cause::of_reading(bytes, wanted, got))
    }

    /// `write` must give these bytes for this packet.
    pub(super) fn writes(self, what: &str, packet: &Packet, wanted: &[u8]) -> Verdict {
        let write = self.write;
        let owned = packet.clone();
        let answer = self.exam.start("write", move || write(&owned))?;
        let got = answer.returns(&format!("for {what}: {packet:?}"))?;
        if got == wanted {
            self.exam.step(format!("wrote {what}"));
            return Ok(());
        }
        let at = wanted.iter().zip(&got).take_while(|(a, b)| a == b).count();
        let expected = format!(
            "`write` to return these {} bytes for {packet:?}\n{}",
            wanted.len(),
            dump(wanted, Some(at))
        );
        let seen = format!(
            "it has returned {} bytes, of which {at} are right",
            got.len()
        );
        about(&got, Some(at), self.exam.fail(expected, seen))
            .because(|_| cause::of_writing(packet, wanted, &got, at))
    }

    /// `parse` must give for each of these what the workshop's own codec gives. One thread for all of
    /// them: there are many.
    pub(super) fn reads_all(self, all: Vec<Vec<u8>>) -> Verdict {
        let parse = self.parse;
        let differs = move |bytes: &Vec<u8>| {
            let got = parse(bytes);
            got != own(bytes, got.as_ref())
        };
        let what = "for one of many datagrams, most of them no packets";
        let count = all.len();
        if let Some(bytes) = self.first("parse", all, differs, |bytes| bytes.clone(), what)? {
            let what = format!("these {} bytes", bytes.len());
            self.parses(&what, &bytes, own(&bytes, None).as_ref())?;
            return about(&bytes, None, self.differs_by_earlier_calls("parse"));
        }
        self.exam.step(format!("parsed {count} more datagrams"));
        Ok(())
    }

    /// For each of these packets `write` must give what the workshop's own codec gives, and `parse` must
    /// give the packet for that.
    pub(super) fn both_ways(self, all: Vec<Packet>) -> Verdict {
        let Codec { parse, write, .. } = self;
        let differs = move |packet: &Packet| {
            let bytes = own_bytes(packet);
            write(packet) != bytes || parse(&bytes).as_ref() != Some(packet)
        };
        let what = "for one of many packets, or `parse` for its bytes";
        let count = all.len();
        if let Some(packet) = self.first("write", all, differs, own_bytes, what)? {
            let bytes = own_bytes(&packet);
            self.writes("this packet", &packet, &bytes)?;
            self.reads("these bytes", &bytes, &packet)?;
            return about(
                &bytes,
                None,
                self.differs_by_earlier_calls("write` or `parse"),
            );
        }
        self.exam
            .step(format!("wrote {count} packets, and parsed them"));
        Ok(())
    }

    /// Called alone it was right.
    fn differs_by_earlier_calls(self, function: &str) -> Verdict {
        let expected = format!("`{function}` to return the same in every call");
        let seen = "it was wrong after other calls, and is right in a call alone";
        self.exam.fail(expected, seen).caused_by(
            "The result depends on something besides what the call is given: on what an earlier call has \
             left in a `static` or a `thread_local!`, or on the order of a HashMap, which is another in \
             each map.",
        )
    }

    /// The first for which this is so. If that is not to be found out, for the answer panics or does not
    /// come back, the failure shows the bytes of the one that it has happened with.
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
        if let Err(Unmet::Failed(case)) = &returned
            && let Some(Stuck::Ceiling(time, _)) = &case.stuck
        {
            let count = all.len();
            let why = format!("{count} calls, all right so far, take longer than {time:.0?}");
            return Err(Unmet::not_here(why));
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
    if let Err(Unmet::Failed(case)) = &mut verdict {
        case.bytes = Some(match bytes {
            [] => "(none: an empty datagram)".to_owned(),
            bytes => dump(bytes, at),
        });
    }
    verdict
}

fn shown(packet: Option<&Packet>) -> String {
    packet.map_or_else(|| "None".to_owned(), |packet| format!("{packet:?}"))
}

/// What the workshop's own codec reads in these bytes. An ERROR's text that is not UTF-8 is whatever the
/// answer takes it for.
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
