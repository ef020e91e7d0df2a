//! What `write` must return.

use super::{
    Packet, Parse, Write,
    codec::Codec,
    recorded::{options, others, request, requests},
};
use crate::exam::{Exam, Verdict};

pub(super) fn packets_of_real_programs(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    for recorded in requests().into_iter().chain(others()) {
        codec.writes(recorded.whose, &recorded.packet, recorded.bytes)?;
    }
    Ok(())
}

pub(super) fn a_nul_after_an_empty_string(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    let empty = request(false, "", "", &[("", "")]);
    let what = "a request whose strings are all empty";
    codec.writes(what, &empty, b"\0\x01\0\0\0\0")?;
    let oack = Packet::OptionAck(options(&[("x", ""), ("tsize", "0")]));
    let what = "an OACK with an empty value";
    codec.writes(what, &oack, b"\0\x06x\0\0tsize\x000\0")?;
    let error = Packet::Error {
        code: 8,
        text: String::new(),
    };
    codec.writes("an ERROR without a text", &error, b"\0\x05\0\x08\0")?;
    let nothing = Packet::OptionAck(Vec::new());
    codec.writes("an OACK without options", &nothing, b"\0\x06")
}
