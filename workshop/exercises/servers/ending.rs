//! How connections end, and `serve` itself.

use socket_workshop::table::End;

use super::{
    Serve, cause,
    serving::{Serving, answer_to},
};
use crate::exam::{Because, Exam, Verdict, descriptors};

pub(super) fn closes_at_end_of_file(exam: &Exam, serve: Serve) -> Verdict {
    let serving = Serving::begin(exam, serve)?;
    let other = serving.client("other client")?;
    serving.answers(&other, b"other\n")?;
    for (line, part) in [
        (&b"a line\n"[..], &b""[..]),
        (b"", b""),
        (b"a line\n", b"and a part"),
    ] {
        let client = serving.client("client")?;
        if !line.is_empty() {
            serving.answers(&client, line)?;
        }
        if !part.is_empty() {
            client.send(part)?;
        }
        client.half_close()?;
        serving.ends(&client)?;
    }
    serving.answers(&other, b"still here\n")
}

/// What arrives together with end of file, and what the kernel has had no room for by then.
pub(super) fn sends_what_is_left(exam: &Exam, serve: Serve) -> Verdict {
    let serving = Serving::begin_with_small_buffers(exam, serve)?;
    let client = serving.client("client")?;
    client.send(b"the last words\n")?;
    client.half_close()?;
    serving.receives(&client, b"sdrow tsal eht\n")?;
    serving.ends(&client)?;

    let slow = serving.narrow_client("slow client")?;
    let sent = serving.fills(&slow)?;
    slow.half_close()?;
    exam.stays_at_rest()?;
    serving.receives(&slow, &answer_to(&sent))?;
    serving.ends(&slow)
}

/// How often a client may have read all answers when its FIN arrives, because the machine is busy.
const TRIES: usize = 5;

pub(super) fn goes_on_after_a_reset(exam: &Exam, serve: Serve) -> Verdict {
    let serving = Serving::begin_with_small_buffers(exam, serve)?;
    let other = serving.client("other client")?;
    serving.answers(&other, b"before\n")?;

    let first = serving.client("first client")?;
    serving.answers(&first, b"hello\n")?;
    first.reset();
    serving.goes_on_for(&other, "a client has reset its connection")?;

    serving.client("second client")?.reset(); // most likely before accept
    serving.goes_on_for(
        &other,
        "a client has reset its connection before it sent anything",
    )?;

    let third = serving.narrow_client("third client")?;
    serving.fills(&third)?;
    third.reset();
    serving.goes_on_for(
        &other,
        "a client that did not read has reset its connection",
    )?;
    serving.rests("after the resets")?;

    // Where a FIN has come before the reset, a write fails with EPIPE, not with ECONNRESET.
    for _ in 0..TRIES {
        let fourth = serving.narrow_client("fourth client")?;
        let sent = serving.fills(&fourth)?;
        fourth.half_close()?;
        let is_under_way = serving.lets_the_end_arrive(&fourth, &sent)?;
        fourth.reset();
        if is_under_way {
            break;
        }
    }
    serving.goes_on_for(
        &other,
        "a client that had half-closed has reset its connection",
    )?;
    serving.rests("after the last reset")
}

pub(super) fn goes_on_after_a_reset_in_the_queue(exam: &Exam, serve: Serve) -> Verdict {
    let mut second = None;
    let serving = Serving::begin_when(exam, serve, |addr| {
        let first = exam.dial(addr)?.named("first client");
        let end = End::between(addr, first.addr()?);
        first.reset();
        exam.table_shows(|table| table.find(end).is_none().then_some(()))?;
        second = Some(exam.dial(addr)?.named("second client"));
        Ok(())
    })?;
    let second = second.expect("the closure has dialed");
    serving.goes_on_for(
        &second,
        "a client has reset its connection in the accept queue",
    )
}

pub(super) fn returns_at_the_stop(exam: &Exam, serve: Serve) -> Verdict {
    let serving = Serving::begin(exam, serve)?;
    serving.stops("when no client is connected")?;

    let serving = Serving::begin(exam, serve)?;
    let _silent = serving.client("silent client")?;
    let second = serving.client("second client")?;
    serving.answers(&second, b"second\n")?;
    serving.stops("although two clients are connected")?;

    let serving = Serving::begin_with_small_buffers(exam, serve)?;
    let slow = serving.narrow_client("slow client")?;
    serving.fills(&slow)?;
    serving.stops("although a client does not read")
}

pub(super) fn closes_what_is_over(exam: &Exam, serve: Serve) -> Verdict {
    let serving = Serving::begin(exam, serve)?;
    let other = serving.client("other client")?;
    serving.answers(&other, b"other\n")?;
    exam.stays_at_rest()?;
    let before = descriptors()?;
    for way in ["end of file", "a reset"] {
        let client = serving.client("client")?;
        serving.answers(&client, b"hello\n")?;
        match way {
            "a reset" => client.reset(),
            _ => {
                client.half_close()?;
                serving.ends(&client)?;
                client.close();
            }
        }
        exam.must(
            exam.comes_true(|| Ok(descriptors()? <= before))?,
            format!("every descriptor of the connection to be closed after {way}"),
            "one is still open",
        )
        .because(|case| cause::keeps_a_descriptor(&serving, case))?;
    }
    serving.answers(&other, b"still here\n")
}

pub(super) fn leaves_no_descriptor(exam: &Exam, serve: Serve) -> Verdict {
    let before = descriptors()?;
    let serving = Serving::begin(exam, serve)?;
    let first = serving.client("first client")?;
    serving.answers(&first, b"first\n")?;
    let second = serving.client("second client")?;
    second.send(b"a part")?;
    exam.stays_at_rest()?;
    serving.stops("although two clients are connected")?;
    drop((first, second, serving)); // the exam's half of `stop`, too
    let left = descriptors()?.saturating_sub(before);
    exam.must(
        left == 0,
        "every descriptor to be closed when `serve` has returned",
        format!("{left} more are open than before"),
    )
    .caused_by(cause::LEAVES_A_DESCRIPTOR)?;
    exam.must_leave_no_thread(
        "no thread to be left when `serve` has returned",
        "there is one, or more",
    )
    .caused_by(cause::STARTS_THREADS)
}
