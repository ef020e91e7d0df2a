//! The checks of the wait: how long it lasts, what ends it, and what does not.

use std::{
    io::{self, ErrorKind},
    os::fd::AsRawFd,
    thread,
    time::{Duration, Instant},
};

use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use socket_workshop::table::{End, State};

use super::{
    Connect, cause, hangs,
    harness::{Call, Cancel, readable, under_way},
};

use crate::{
    checks::{dialer::address::Address, silence},
    exam::{
        AMPLE, Because, Call as SystemCall, CheckError, Doing, Exam, Reference, Timing, Took,
        Verdict, or_skip,
    },
};

/// A limit where time is the subject. Not a whole number of milliseconds: poll counts in these.
const SHORT: Duration = Duration::from_micros(400_990);

/// First one limit, then ten short ones in a row: a minimum of the answer's own would add up.
pub(super) fn times_out_at_the_limit(exam: &Exam, connect: Connect) -> Verdict {
    let cancel = Cancel::new()?;
    let silent = Address::that_is_silent(exam)?;
    let reference = exam.reference(SHORT)?;
    let call = Call::begin(exam, connect, silent.addr, SHORT, &cancel)?;
    times_out(exam, &call, reference, hangs::late)?;

    let (count, limit) = (10, Duration::from_micros(9_990));
    let reference = exam.reference(limit * count)?;
    let mut all = Took {
        time: Duration::ZERO,
        delay: Duration::ZERO,
    };
    for _ in 0..count {
        let call = Call::begin(exam, connect, silent.addr, limit, &cancel)?;
        let when = format!("with a limit of {limit:?}");
        call.fails(ErrorKind::TimedOut, &when, |case| call.overdue(case))?;
        let took = call.answer.took();
        let expected = format!("`connect` to wait for {limit:?}");
        let seen = format!("it returned after {:?}", took.time);
        exam.must(took.time >= limit, expected, seen)
            .caused_by(cause::timed_out_early(took.time, limit))?;
        all = Took {
            time: all.time + took.time,
            delay: all.delay + took.delay,
        };
    }
    let late = reference.judges(all, SHORT / 2)? == Timing::Late;
    let expected = format!(
        "{count} calls with a limit of {limit:?} to take {:?}",
        limit * count
    );
    exam.must(!late, expected, format!("they took {:.1?}", all.time))
        .caused_by(hangs::late(all.time / count, limit))
}

pub(super) fn times_out_at_zero(exam: &Exam, connect: Connect) -> Verdict {
    let cancel = Cancel::new()?;
    let silent = Address::that_is_silent(exam)?;
    let reference = exam.reference(Duration::ZERO)?;
    let call = Call::begin(exam, connect, silent.addr, Duration::ZERO, &cancel)?;
    times_out(exam, &call, reference, hangs::late)
}

fn times_out(
    exam: &Exam,
    call: &Call,
    reference: Reference<'_>,
    late: impl FnOnce(Duration, Duration) -> String,
) -> Verdict {
    let limit = call.limit;
    let when = format!("with a limit of {limit:?}");
    call.fails(ErrorKind::TimedOut, &when, |case| call.overdue(case))?;
    let took = call.answer.took();
    let timing = reference.judges(took, SHORT / 2)?;
    let time = took.time;
    exam.must(
        timing != Timing::Early,
        format!("`connect` to wait for {limit:?}"),
        format!("it returned after {time:?}"),
    )
    .caused_by(cause::timed_out_early(time, limit))?;
    exam.must(
        timing != Timing::Late,
        format!("`connect` to return when its limit of {limit:?} is over"),
        format!("it returned after {time:.1?}"),
    )
    .caused_by(late(time, limit))
}

/// Cut to a number of 32 bits of milliseconds, or of 16, only [`CUT`] is left of it.
const LONG: Duration = Duration::from_millis((1 << 32) + 500);
const CUT: Duration = Duration::from_millis(500);

pub(super) fn accepts_any_limit(exam: &Exam, connect: Connect) -> Verdict {
    for limit in [AMPLE, LONG, Duration::MAX] {
        let mut cancel = Cancel::new()?;
        let (_silent, call, _end) = under_way(exam, connect, limit, &cancel)?;
        exam.step("your thread waits in the kernel");
        if limit == LONG {
            // Its length is the subject: where all of the limit is kept, nothing ends the wait.
            exam.comes_true(|| Ok(call.answer.has_ended() || call.answer.age() > 2 * CUT))?;
            call.goes_on()?;
        }
        cancel.write(exam)?;
        let aborted = ErrorKind::ConnectionAborted;
        call.fails(aborted, "after that", hangs::ignores_cancel)?;
    }
    Ok(())
}

/// The kernel sends a lost SYN again after a second; then it is answered.
pub(super) fn waits_for_a_late_answer(exam: &Exam, connect: Connect) -> Verdict {
    let cancel = Cancel::new()?;
    let (server, call, end) = under_way(exam, connect, AMPLE, &cancel)?;
    server.answers_from_now(exam)?;
    let when = "when the kernel has sent the SYN again, and it is answered";
    let stream = call.connects(when)?;
    let local = or_skip("read the stream's address", End::of(&stream))?.local;
    exam.must(
        local == end.local,
        format!("the dial from {} to have come through", end.local),
        format!("the stream is connected from {local}"),
    )
    .caused_by(
        "Your code closed its first dial and began another one, a SYN from another port. An answer \
         to the first may be under way, and would find a closed socket. Begin one dial, and wait \
         for it for as long as the limit allows: the kernel repeats the SYN.",
    )
}

pub(super) fn continues_after_a_signal(exam: &Exam, connect: Connect) -> Verdict {
    let mut cancel = Cancel::new()?;
    let (_silent, call, _end) = under_way(exam, connect, AMPLE, &cancel)?;
    call.answer.interrupt()?;
    exam.step("interrupted the system call in which your thread waits, by a signal");
    call.rests()?;
    cancel.write(exam)?;
    call.fails(
        ErrorKind::ConnectionAborted,
        "after that",
        hangs::ignores_cancel,
    )
}

/// The dial that was under way before the signal is under way after it, from the same port.
pub(super) fn keeps_its_dial(exam: &Exam, connect: Connect) -> Verdict {
    let cancel = Cancel::new()?;
    let (_silent, call, end) = under_way(exam, connect, AMPLE, &cancel)?;
    for _ in 0..2 {
        call.answer.interrupt()?;
        exam.step("interrupted the system call in which your thread waits, by a signal");
        call.rests()?;
        let table = exam.table()?;
        let dials = table.find(end).map(|row| row.state) == Some(State::SynSent);
        exam.must(
            dials,
            format!("the dial from {} to be under way still", end.local),
            "the kernel has no row in SYN_SENT for it any more",
        )
        .caused_by(
            "A signal ended your wait (EINTR), and your code closed the socket whose dial was \
             under way. An answer to its SYN may be on its way, and a new dial begins again, from \
             another port. Keep the socket, and wait for the same dial, for what remains of the \
             limit.",
        )?;
    }
    Ok(())
}

pub(super) fn keeps_its_limit(exam: &Exam, connect: Connect) -> Verdict {
    const TRIES: usize = 5;
    for _ in 0..TRIES {
        if signals(exam, connect)? < SHORT {
            return Ok(());
        }
        exam.step("a pause was as long as the limit, for the machine is busy: once more");
    }
    Err(CheckError::skipped(
        "the machine is too busy: the exam cannot send signals often enough",
    ))
}

/// A limit that restarts with each signal does not run out while signals keep coming. Returns the
/// longest pause between two.
fn signals(exam: &Exam, connect: Connect) -> Verdict<Duration> {
    const PAUSE: Duration = Duration::from_millis(20);
    let cancel = Cancel::new()?;
    let silent = Address::that_is_silent(exam)?;
    let reference = exam.reference(SHORT)?;
    let call = Call::begin(exam, connect, silent.addr, SHORT, &cancel)?;
    exam.step(format!(
        "interrupts your thread by a signal every {PAUSE:?}"
    ));
    let mut longest = PAUSE;
    while call.answer.age() < 3 * SHORT && !call.answer.has_ended() {
        let sent = Instant::now();
        call.answer.interrupt()?;
        thread::sleep(PAUSE); // its length is the subject: signals that keep coming
        longest = longest.max(sent.elapsed());
    }
    let signals = call.answer.age();
    let late = |took, limit| hangs::restarts_its_limit(took, signals, limit);
    times_out(exam, &call, reference, late).map(|()| longest)
}

/// A dial under way is cancelled.
fn cancelled(exam: &Exam, connect: Connect) -> Verdict<(Address, Cancel)> {
    let mut cancel = Cancel::new()?;
    let silent = cancelled_by(exam, connect, &mut cancel)?;
    Ok((silent, cancel))
}

fn cancelled_by(exam: &Exam, connect: Connect, cancel: &mut Cancel) -> Verdict<Address> {
    let (silent, call, _end) = under_way(exam, connect, AMPLE, cancel)?;
    cancel.write(exam)?;
    let aborted = ErrorKind::ConnectionAborted;
    call.fails(aborted, "after that", hangs::ignores_cancel)?;
    Ok(silent)
}

/// By a descriptor with a usual number, and by one as a server has with a thousand clients.
pub(super) fn is_cancelled(exam: &Exam, connect: Connect) -> Verdict {
    cancelled(exam, connect)?;
    let Some(mut cancel) = Cancel::with_a_high_number(exam)? else {
        return Ok(());
    };
    exam.step(format!(
        "duplicated descriptors: that of `cancel` has the number {}",
        cancel.lent().as_raw_fd()
    ));
    cancelled_by(exam, connect, &mut cancel).map(drop)
}

pub(super) fn was_cancelled_before(exam: &Exam, connect: Connect) -> Verdict {
    let mut cancel = Cancel::new()?;
    let silent = Address::that_is_silent(exam)?;
    cancel.write(exam)?;
    let call = Call::begin(exam, connect, silent.addr, AMPLE, &cancel)?;
    let aborted = ErrorKind::ConnectionAborted;
    let when = format!(
        "with a limit of {}, because `cancel` was readable before",
        readable(AMPLE)
    );
    // Before a failure interrupts the wait, to find its line.
    let is_polled = !call.answer.comes_to_its_end()?
        && exam
            .polled()?
            .is_some_and(|polled| polled.contains(&cancel.target()));
    call.fails(aborted, &when, |case| hangs::misses_cancel(case, is_polled))
}

pub(super) fn reads_nothing_from_cancel(exam: &Exam, connect: Connect) -> Verdict {
    let (_silent, cancel) = cancelled(exam, connect)?;
    exam.must(
        cancel.is_readable()?,
        "what was written to `cancel` to be still there",
        "there is nothing to read from `cancel` any more",
    )
    .caused_by(
        "Your code reads from `cancel`. Another thread may wait for the same byte, and never gets \
         it. `poll` shows that it is readable, and reads nothing.",
    )
}

pub(super) fn does_not_close_cancel(exam: &Exam, connect: Connect) -> Verdict {
    let (_silent, cancel) = cancelled(exam, connect)?;
    exam.must(
        cancel.is_open(),
        "`cancel` to be open, as it was",
        "`connect` has returned, and the descriptor of `cancel` is closed",
    )
    .caused_by(
        "Your code closes `cancel`. It was only lent: another thread may wait for it, and its \
         number may soon be another descriptor's. Borrow it (`BorrowedFd`), and close a duplicate \
         if you need one.",
    )
}

/// O_NONBLOCK and FD_CLOEXEC, set and not set.
pub(super) fn leaves_the_flags_of_cancel(exam: &Exam, connect: Connect) -> Verdict {
    let usual = (OFlag::empty(), FdFlag::FD_CLOEXEC);
    for (nonblocking, close_on_exec) in [usual, (OFlag::O_NONBLOCK, FdFlag::empty())] {
        let mut cancel = Cancel::new()?;
        for flags in [
            FcntlArg::F_SETFL(nonblocking),
            FcntlArg::F_SETFD(close_on_exec),
        ] {
            let set = fcntl(cancel.lent(), flags).map_err(io::Error::from);
            or_skip("set a descriptor's flags", set)?;
        }
        let _silent = cancelled_by(exam, connect, &mut cancel)?;
        let get = |flags| {
            let got = fcntl(cancel.lent(), flags).map_err(io::Error::from);
            or_skip("read a descriptor's flags", got)
        };
        let now = OFlag::from_bits_retain(get(FcntlArg::F_GETFL)?) & OFlag::O_NONBLOCK;
        keeps_its_flag(exam, "O_NONBLOCK", !nonblocking.is_empty(), !now.is_empty()).caused_by(
            match nonblocking.is_empty() {
            true => {
                "Your code made `cancel` non-blocking. The flag belongs to the pipe, not to your \
                 call: another thread that reads from it fails with WouldBlock. `poll` needs no \
                 such flag."
            }
            false => {
                "Your code made `cancel` blocking. The flag belongs to the pipe, not to your call: \
                 another thread that reads from it waits where it must not. `poll` needs no such \
                 flag."
            }
        })?;
        let now = FdFlag::from_bits_retain(get(FcntlArg::F_GETFD)?);
        let (was, is) = (!close_on_exec.is_empty(), now.contains(FdFlag::FD_CLOEXEC));
        keeps_its_flag(exam, "FD_CLOEXEC", was, is).caused_by(
            "Your code changed FD_CLOEXEC of `cancel`, which decides whether a program that the \
             caller starts gets this descriptor too. That is the caller's choice. A duplicate has \
             a flag of its own.",
        )?;
    }
    Ok(())
}

fn keeps_its_flag(exam: &Exam, name: &str, was: bool, is: bool) -> Verdict {
    let words = |is| if is { "set" } else { "not set" };
    exam.must(
        was == is,
        format!("{name} of `cancel` to be {}, as it was", words(was)),
        format!("`connect` has returned, and it is {}", words(is)),
    )
}

/// A limit that is less than a second.
const UNDER_A_SECOND: Duration = Duration::from_millis(900);

pub(super) fn does_not_spin(exam: &Exam, connect: Connect) -> Verdict {
    let cancel = Cancel::new()?;
    let silent = Address::that_is_silent(exam)?;
    let when = format!("with a limit of {UNDER_A_SECOND:?}");
    let call = || {
        let call = Call::begin(exam, connect, silent.addr, UNDER_A_SECOND, &cancel)?;
        // A wait ends when a spin is proven. All of the call is looked at, until it is too late.
        while !call.answer.comes_to_its_end()? && call.answer.age() < 2 * UNDER_A_SECOND {}
        call.fails(ErrorKind::TimedOut, &when, |case| call.overdue(case))?;
        Ok(call.answer)
    };
    silence::is_spent_waiting(exam, call, hangs::SPINS_TO_ITS_LIMIT)?;
    cancelled_by(exam, connect, &mut Cancel::of_a_socket()?).map(drop)
}

/// In one call, or in one on each of two threads.
pub(super) fn waits_for_both(exam: &Exam, connect: Connect) -> Verdict {
    let cancel = Cancel::new()?;
    let (_silent, call, end) = under_way(exam, connect, AMPLE, &cancel)?;
    let inode = exam.table()?.find(end).map_or(0, |row| row.inode);
    let socket = format!("socket:[{inode}]");
    let pipe = cancel.target();
    let waits = || {
        let Some(polled) = exam.polled()? else {
            return Ok((true, true)); // select: the kernel does not show more
        };
        let connects = |doing: &Doing| {
            matches!(
                doing,
                Doing::Blocked {
                    call: SystemCall::Connect,
                    ..
                }
            )
        };
        let dials = exam.evidence().threads.iter().any(connects);
        Ok((dials || polled.contains(&socket), polled.contains(&pipe)))
    };
    let mut looks = (0, 0); // a thread that looks now and then is between its waits at times
    let both = exam.comes_true(|| {
        let (dial, cancel) = waits()?;
        looks = (looks.0 + u32::from(dial), looks.1 + u32::from(cancel));
        Ok(dial && cancel)
    })?;
    // A poll that does not wait can be seen too, if its thread lost the CPU in it.
    let (dial, cancel) = looks;
    let ever = (dial > cancel / 10, cancel > dial / 10);
    let seen = match ever {
        (true, true) => "nothing waits for both at the same time",
        (true, false) => "nothing waits for `cancel`",
        (false, true) => "nothing waits for the dial",
        _ => "nothing waits for either",
    };
    let expected = "your code to wait for the dial and for `cancel`";
    exam.must(both, expected, seen)
        .because(|case| hangs::waits_for_one(case, ever))?;
    call.goes_on()
}

pub(super) fn is_cancelled_by_end_of_file(exam: &Exam, connect: Connect) -> Verdict {
    let mut cancel = Cancel::new()?;
    let (_silent, call, _end) = under_way(exam, connect, AMPLE, &cancel)?;
    let target = cancel.target();
    let is_polled = || -> Verdict<bool> {
        let polled = exam.polled()?;
        Ok(polled.is_some_and(|polled| polled.contains(&target)))
    };
    let was_polled = is_polled()?;
    cancel.end(exam);
    // Before a failure interrupts the wait, to find its line.
    let hangs = !call.answer.comes_to_its_end()?;
    let stops = hangs && was_polled && !is_polled()?;
    let aborted = ErrorKind::ConnectionAborted;
    call.fails(aborted, "after that", |case| {
        hangs::ignores_the_end(case, stops)
    })
}
