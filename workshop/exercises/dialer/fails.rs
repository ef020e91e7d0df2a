//! The checks that end with an error: when, of which kind, and what its text tells.

use std::{cmp::Reverse, io::ErrorKind, time::Duration};

use super::{
    Dial, address::Address, dialing, has_waited, is_at_once, is_of_kind, likely, no_connection,
    rests, unless_busy,
};
use crate::exam::{AMPLE, Because, Exam, Timing, Verdict};

/// So many silent addresses.
const MANY: u8 = 25;

pub(super) fn gives_up_when_the_limit_is_over(exam: &Exam, dial: Dial) -> Verdict {
    let limit = Duration::from_millis(600);
    let silent = [
        Address::that_is_silent(exam)?,
        Address::that_is_silent(exam)?,
        Address::that_is_silent(exam)?,
        Address::that_is_silent(exam)?,
    ];
    let reference = exam.reference(limit)?;
    let answer = dialing(exam, dial, &silent.each_ref(), limit)?;
    let error = no_connection(
        exam,
        answer.returns("with a limit of 600ms")?,
        "when all addresses are silent",
    )?;
    let took = answer.took();
    // How much of the limit is used where there are several is the answer's affair.
    exam.must(
        reference.judges(took, limit / 2)? != Timing::Late,
        format!("`dial` to return when its limit of {limit:?} is over"),
        format!("it took {:.1?}", took.time),
    )
    .caused_by(likely::overdue(took.time, limit))?;
    is_of_kind(
        exam,
        &error,
        ErrorKind::TimedOut,
        "the last address was silent",
    )?;
    waits_to_the_end(exam, dial, &silent[0])
}

/// The only address may have all of the limit, to the last part of a millisecond.
fn waits_to_the_end(exam: &Exam, dial: Dial, silent: &Address) -> Verdict {
    let limit = Duration::from_micros(250_990);
    let answer = dialing(exam, dial, &[silent], limit)?;
    let returned = answer.returns("with a limit of 250.99ms")?;
    let error = no_connection(exam, returned, "when the only address is silent")?;
    let why = "the only address was silent";
    is_of_kind(exam, &error, ErrorKind::TimedOut, why)?;
    let time = answer.took().time;
    exam.must(
        time >= limit,
        format!("the only address to be waited for until the limit of {limit:?} is over"),
        format!("`dial` returned after {time:?}"),
    )
    .caused_by(likely::early(time, limit))?;
    has_waited(answer.took(), limit)
}

pub(super) fn fails_at_once_when_all_refuse(exam: &Exam, dial: Dial) -> Verdict {
    let refuse = [Address::that_refuses(exam)?, Address::that_refuses(exam)?];
    let answer = dialing(exam, dial, &[&refuse[0], &refuse[1]], AMPLE)?;
    let returned = answer
        .returns("when both addresses have refused")
        .because(likely::goes_on_after_the_last)?;
    let error = no_connection(exam, returned, "when both addresses refuse")?;
    let why = "the last address refused";
    is_of_kind(exam, &error, ErrorKind::ConnectionRefused, why)
}

/// Dials the same kinds of addresses in two orders, of which the first and the last are the same.
/// Where the text tells what each did, it differs between them, and not in the addresses alone.
pub(super) fn tells_what_each_address_did(exam: &Exam, dial: Dial) -> Verdict {
    let limit = Duration::from_millis(600);
    let silent = Address::that_is_silent(exam)?;
    let refuse = [
        Address::that_refuses(exam)?,
        Address::that_refuses(exam)?,
        Address::that_refuses(exam)?,
    ];
    let mut texts = Vec::new();
    for addresses in [
        [&refuse[0], &refuse[1], &silent, &refuse[2]],
        [&refuse[0], &silent, &refuse[1], &refuse[2]],
    ] {
        let reference = exam.reference(limit)?;
        let answer = dialing(exam, dial, &addresses, limit)?;
        let returned = answer.returns("with a limit of 600ms")?;
        let error = no_connection(exam, returned, "when no address answers")?;
        let text = by_number(&error.to_string(), &addresses);
        for (number, address) in (1..).zip(addresses) {
            exam.must(
                text.contains(&format!("<{number}>")),
                format!("the error to name {}", address.addr),
                error.to_string(),
            )
            .caused_by(
                "Four addresses were given, and the error does not name each of them. Keep what \
                 each attempt returned, together with its address, and make one text of it all: \
                 `io::Error::new(kind, text)`.",
            )?;
        }
        let why = "the last address in the list refused";
        let is_refused = is_of_kind(exam, &error, ErrorKind::ConnectionRefused, why);
        unless_busy(is_refused, reference, answer.took(), limit)?;
        texts.push(text);
    }
    exam.must(
        texts[0] != texts[1],
        "a text that tells which address refused and which was silent",
        format!("both times, with the addresses numbered: {}", texts[0]),
    )
    .caused_by(
        "First the silent address was the third, then it was the second, and the texts differ in \
         nothing but the addresses: they do not tell which of them was silent and which refused.",
    )
}

/// The text with each address replaced by its place in the list, from `<1>`. The longest comes
/// first: it may begin with another.
fn by_number(text: &str, addresses: &[&Address]) -> String {
    let numbers = (1..).map(|number: usize| format!("<{number}>"));
    let addrs = addresses.iter().map(|address| address.addr.to_string());
    let mut names: Vec<(String, String)> = addrs.zip(numbers).collect();
    names.sort_by_key(|(addr, _)| Reverse(addr.len()));
    names.iter().fold(text.to_owned(), |text, (addr, number)| {
        text.replace(addr, number)
    })
}

pub(super) fn takes_a_limit_of_zero_for_a_time_out(exam: &Exam, dial: Dial) -> Verdict {
    // So many that a tenth of a second for each is seen on any machine.
    let silent = Address::many_that_are_silent(exam, MANY)?;
    let addresses: Vec<&Address> = silent.iter().collect();
    // A part of a nanosecond is zero.
    for limit in [Duration::ZERO, Duration::from_nanos(1)] {
        let when = format!("with a limit of {limit:?}");
        let answer = dialing(exam, dial, &addresses, limit)?;
        let rested = rests(exam, &answer)?;
        let returned = answer
            .returns(&when)
            .because(|case| likely::takes_its_time(case, limit))?;
        let error = no_connection(exam, returned, &when)?;
        let why = "there was no time to answer";
        is_of_kind(exam, &error, ErrorKind::TimedOut, why)?;
        exam.must(
            is_at_once(rested, answer.took())?,
            format!("`dial` to return at once {when}"),
            format!("all your threads were blocked, for {rested:.1?} in all"),
        )
        .caused_by(
            "The limit was over before the first address was dialed: each is given some time when none \
             remains, and this adds up. A share may be as short as the limit makes it.",
        )?;
    }
    Ok(())
}

pub(super) fn takes_no_address_for_invalid_input(exam: &Exam, dial: Dial) -> Verdict {
    let answer = dialing(exam, dial, &[], AMPLE)?;
    let returned = answer.returns("when there is no address").because(|case| {
        case.panicked.then(|| {
            "Without an address there is no first one to index, no last error to unwrap, and no number \
             to divide the limit by: a division by zero panics."
                .to_owned()
        })
    })?;
    let error = no_connection(exam, returned, "when there is no address")?;
    let why = "the caller has given no address";
    is_of_kind(exam, &error, ErrorKind::InvalidInput, why)
}
