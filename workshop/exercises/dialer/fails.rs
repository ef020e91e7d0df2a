//! The checks that end with an error: when, of which kind, and what its text says.

use std::{
    cmp::Reverse,
    io::ErrorKind,
    net::{Ipv6Addr, TcpListener},
    thread,
    time::Duration,
};

use super::{
    Dial,
    address::Address,
    cause,
    connects::{UNREACHABLE, is_unreachable},
    dialing, dialing_at, has_waited, is_at_once, is_of_kind, no_connection, unless_busy,
};
use crate::checks::rest::rests;
use crate::exam::{AMPLE, Because, Exam, Timing, Verdict};

/// How many attempts must count that wait for the only address.
const ATTEMPTS: u32 = 8;

/// How long a thread waits for a CPU, at most, in an attempt that counts.
const UNDISTURBED: Duration = Duration::from_micros(300);

/// How many addresses are silent: enough that a least time for each adds up.
const MANY: u8 = 60;

pub(super) fn returns_when_the_limit_is_over(exam: &Exam, dial: Dial) -> Verdict {
    let limit = Duration::from_millis(600);
    for count in [4, 40] {
        let silent = Address::many_that_are_silent(exam, count)?;
        let addresses: Vec<&Address> = silent.iter().collect();
        let reference = exam.reference(limit)?;
        let answer = dialing(exam, dial, &addresses, limit)?;
        no_connection(
            exam,
            answer.returns("with a limit of 600ms")?,
            "when all addresses are silent",
        )?;
        let took = answer.took();
        // The rules do not say how much of the limit is used if there are several.
        exam.must(
            reference.judges(took, limit / 2)? != Timing::Late,
            format!("`dial` to return when its limit of {limit:?} is over"),
            format!("it took {:.1?}", took.time),
        )
        .caused_by(cause::overdue(took.time, limit, count.into()))?;
    }
    returns_although_signals_come(exam, dial, limit)
}

/// The pause between two signals.
const PAUSE: Duration = Duration::from_millis(20);

/// A signal that the program handles ends `poll` with EINTR (signal(7)).
fn returns_although_signals_come(exam: &Exam, dial: Dial, limit: Duration) -> Verdict {
    let silent = Address::that_is_silent(exam)?;
    let reference = exam.reference(limit)?;
    let answer = dialing(exam, dial, &[&silent], limit)?;
    exam.step(format!(
        "sends a signal every {PAUSE:?}, until the call returns"
    ));
    while !answer.has_ended() && answer.age() < limit * 2 {
        answer.interrupt()?;
        thread::sleep(PAUSE); // its length is the subject
    }
    let returned = answer.returns("with a limit of 600ms")?;
    no_connection(exam, returned, "when the only address is silent")?;
    let took = answer.took();
    exam.must(
        reference.judges(took, limit / 2)? != Timing::Late,
        format!("`dial` to return when its limit of {limit:?} is over"),
        format!("it took {:.1?}", took.time),
    )
    .caused_by(cause::WAITS_AGAIN_AFTER_A_SIGNAL)
}

/// The only address gets the whole limit, to the last part of a millisecond. Several times, because
/// a thread that waits a little less may be woken late. An attempt counts in which its thread did
/// not wait for a CPU.
pub(super) fn waits_for_a_single_address(exam: &Exam, dial: Dial) -> Verdict {
    let silent = Address::that_is_silent(exam)?;
    let (long, short) = (
        Duration::from_micros(250_990),
        Duration::from_micros(30_990),
    );
    let (mut counted, mut attempts) = (0, 0);
    while counted < ATTEMPTS && attempts < 5 * ATTEMPTS {
        let limit = if attempts == 0 { long } else { short };
        let answer = dialing(exam, dial, &[&silent], limit)?;
        let returned = answer.returns(&format!("with a limit of {limit:?}"))?;
        no_connection(exam, returned, "when the only address is silent")?;
        let took = answer.took();
        exam.must(
            took.time >= limit,
            format!("the only address to be waited for until the limit of {limit:?} is over"),
            format!("`dial` returned after {:?}", took.time),
        )
        .caused_by(cause::early(took.time, limit))?;
        if attempts == 0 {
            has_waited(took, limit)?;
        }
        counted += u32::from(took.delay < UNDISTURBED);
        attempts += 1;
    }
    Ok(())
}

pub(super) fn returns_refused(exam: &Exam, dial: Dial) -> Verdict {
    let refuse = [Address::that_refuses(exam)?, Address::that_refuses(exam)?];
    let answer = dialing(exam, dial, &[&refuse[0], &refuse[1]], AMPLE)?;
    let returned = answer
        .returns("when both addresses have refused")
        .because(cause::goes_on_after_the_last)?;
    let error = no_connection(exam, returned, "when both addresses refuse")?;
    let why = "the last address refused";
    is_of_kind(exam, &error, ErrorKind::ConnectionRefused, why)?;

    let limit = Duration::from_millis(600);
    let silent = Address::that_is_silent(exam)?;
    let reference = exam.reference(limit)?;
    let answer = dialing(exam, dial, &[&silent, &refuse[0]], limit)?;
    let returned = answer.returns("when the last address has refused")?;
    let error = no_connection(exam, returned, "when no address answers")?;
    let is_refused = is_of_kind(exam, &error, ErrorKind::ConnectionRefused, why);
    unless_busy(is_refused, reference, answer.took(), limit)
}

pub(super) fn returns_timed_out(exam: &Exam, dial: Dial) -> Verdict {
    let refuses = Address::that_refuses(exam)?;
    let silent = Address::that_is_silent(exam)?;
    for addresses in [&[&silent][..], &[&refuses, &silent]] {
        let limit = Duration::from_millis(300);
        let answer = dialing(exam, dial, addresses, limit)?;
        let returned = answer.returns("with a limit of 300ms")?;
        let error = no_connection(exam, returned, "when no address answers")?;
        let why = "the last address was silent";
        is_of_kind(exam, &error, ErrorKind::TimedOut, why)?;
    }
    Ok(())
}

pub(super) fn returns_unreachable(exam: &Exam, dial: Dial) -> Verdict {
    is_unreachable(exam)?;
    let refuses = Address::that_refuses(exam)?;
    for addrs in [vec![UNREACHABLE], vec![refuses.addr, UNREACHABLE]] {
        let answer = dialing_at(exam, dial, addrs, AMPLE)?;
        let returned = answer.returns("when the last address is unreachable")?;
        let error = no_connection(exam, returned, "when the last address is unreachable")?;
        let why = "the last address is unreachable";
        is_of_kind(exam, &error, ErrorKind::NetworkUnreachable, why)?;
    }
    Ok(())
}

/// Four addresses of which one is silent and the others refuse, and the error's text with each
/// address replaced by its place in the list. Where there is IPv6, one is of that family.
fn text_of_an_error(
    exam: &Exam,
    dial: Dial,
    addresses: &[&Address],
    limit: Duration,
) -> Verdict<(String, String)> {
    let answer = dialing(exam, dial, addresses, limit)?;
    let returned = answer.returns(&format!("with a limit of {limit:?}"))?;
    let error = no_connection(exam, returned, "when no address answers")?;
    Ok((by_number(&error.to_string(), addresses), error.to_string()))
}

fn that_refuse(exam: &Exam) -> Verdict<[Address; 3]> {
    let v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    let second = match v6 {
        true => Address::that_refuses_at(exam, Ipv6Addr::LOCALHOST.into())?,
        false => Address::that_refuses(exam)?,
    };
    Ok([
        Address::that_refuses(exam)?,
        second,
        Address::that_refuses(exam)?,
    ])
}

pub(super) fn names_each_address(exam: &Exam, dial: Dial) -> Verdict {
    let silent = Address::that_is_silent(exam)?;
    let refuse = that_refuse(exam)?;
    let addresses = [&refuse[0], &refuse[1], &silent, &refuse[2]];
    for limit in [Duration::from_millis(600), Duration::ZERO] {
        let (text, error) = text_of_an_error(exam, dial, &addresses, limit)?;
        names_them_all(exam, &text, &error, &addresses)?;
    }
    Ok(())
}

fn names_them_all(exam: &Exam, text: &str, error: &str, addresses: &[&Address]) -> Verdict {
    for (number, address) in (1..).zip(addresses) {
        exam.must(
            text.contains(&format!("<{number}>")),
            format!("the error to name {}", address.addr),
            error.to_owned(),
        )
        .because(|_| {
            let bare = address.addr.is_ipv6() && error.contains(&address.addr.ip().to_string());
            let cause = match bare {
                true => {
                    "The error names the IP address of this one, but not as `{}` prints the whole \
                     address: an IPv6 address stands in brackets before the port. Print the \
                     SocketAddr itself."
                }
                false => {
                    "Four addresses were given, and the error does not name each of them. Keep the \
                     error of each attempt together with its address, and make one text of them: \
                     `io::Error::new(kind, text)`."
                }
            };
            Some(cause.to_owned())
        })?;
    }
    Ok(())
}

/// Dials the same kinds of addresses in two orders, of which the first and the last are the same.
/// If the text says what each did, it differs between them, and not in the addresses alone.
pub(super) fn says_what_each_address_did(exam: &Exam, dial: Dial) -> Verdict {
    let silent = Address::that_is_silent(exam)?;
    let refuse = that_refuse(exam)?;
    let third = [&refuse[0], &refuse[1], &silent, &refuse[2]];
    let second = [&refuse[0], &silent, &refuse[1], &refuse[2]];
    let limit = Duration::from_millis(600);
    let (one, _) = text_of_an_error(exam, dial, &third, limit)?;
    let (other, _) = text_of_an_error(exam, dial, &second, limit)?;
    exam.must(
        one != other,
        "a text that says which address refused and which was silent",
        format!("both times, with the addresses numbered: {one}"),
    )
    .caused_by(
        "In the first call the third address was silent, in the second call it was the second. \
         Apart from the addresses both texts are the same, so they do not say which address was \
         silent and which refused: add the error of each attempt to its address.",
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

pub(super) fn times_out_immediately(exam: &Exam, dial: Dial) -> Verdict {
    let silent = Address::many_that_are_silent(exam, MANY)?;
    let addresses: Vec<&Address> = silent.iter().collect();
    // A part of a nanosecond is zero.
    for limit in [Duration::ZERO, Duration::from_nanos(1)] {
        let when = format!("with a limit of {limit:?}");
        let answer = dialing(exam, dial, &addresses, limit)?;
        let rested = rests(exam, &answer)?;
        let returned = answer
            .returns(&when)
            .because(|case| cause::takes_its_time(case, limit))?;
        let error = no_connection(exam, returned, &when)?;
        let why = "there was no time to answer";
        is_of_kind(exam, &error, ErrorKind::TimedOut, why)?;
        exam.must(
            is_at_once(rested.time, answer.took())?,
            format!("`dial` to return immediately {when}"),
            format!(
                "all your threads were blocked, for {:.1?} in all",
                rested.time
            ),
        )
        .caused_by(
            "Your code gives each address some time even when none remains, and this adds up. Give \
             each address no more than its share of the limit, however short it is.",
        )?;
    }
    times_out_without_dialing(exam, dial)
}

/// The address would answer.
fn times_out_without_dialing(exam: &Exam, dial: Dial) -> Verdict {
    let server = Address::that_answers(exam)?;
    let answer = dialing(exam, dial, &[&server], Duration::ZERO)?;
    let returned = answer
        .returns("with a limit of 0ns")
        .because(|case| cause::takes_its_time(case, Duration::ZERO))?;
    let Err(error) = returned else {
        return exam
            .fail(
                "`dial` to return an error with a limit of 0ns, although the address would answer",
                "it has returned Ok",
            )
            .caused_by(
                "A limit of zero is over when the call begins, and your code dialed all the same. \
                 A minimum for each attempt, such as a millisecond, lasts longer than such a \
                 limit. Return TimedOut when no time remains.",
            );
    };
    let why = "there was no time to dial";
    is_of_kind(exam, &error, ErrorKind::TimedOut, why)
}

pub(super) fn rejects_an_empty_list(exam: &Exam, dial: Dial) -> Verdict {
    let answer = dialing(exam, dial, &[], AMPLE)?;
    let returned = answer.returns("when there is no address").because(|case| {
        case.panicked.then(|| {
            "An empty list has no first address to index and no last error to unwrap, and a \
             division by its length panics. Return InvalidInput first."
                .to_owned()
        })
    })?;
    let error = no_connection(exam, returned, "when there is no address")?;
    let why = "the list is empty";
    is_of_kind(exam, &error, ErrorKind::InvalidInput, why)
}
