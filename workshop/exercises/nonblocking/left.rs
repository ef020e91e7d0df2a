//! What a call leaves: no dial, no thread, no descriptor, whatever it returned.

use std::{
    io::ErrorKind,
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
        mpsc,
    },
    time::Duration,
};

use socket_workshop::table::State;

use super::{
    Connect, cause, hangs,
    harness::{Call, Cancel},
};

use crate::{
    checks::dialer::address::Address,
    exam::{AMPLE, Because, Exam, Verdict, descriptors, diagnosis::LEAVES_A_THREAD},
};

/// What is looked at: the exam, how many descriptors may be open, and after what.
type Look = fn(&Exam, usize, &str) -> Verdict;

pub(super) fn leaves_no_dial(exam: &Exam, connect: Connect) -> Verdict {
    on_every_path(exam, connect, |exam, _, when| {
        let table = exam.table()?;
        let dial = table.rows.iter().find(|row| row.state == State::SynSent);
        let seen = dial.map_or(String::new(), |row| {
            format!(
                "`connect` has returned, and {} is still being dialed (SYN_SENT)",
                row.peer
            )
        });
        let expected = format!("no dial to be under way {when}");
        exam.must(dial.is_none(), expected, seen)
            .because(|case| Some(cause::still_under_way(case).to_owned()))
    })
}

pub(super) fn leaves_no_thread(exam: &Exam, connect: Connect) -> Verdict {
    on_every_path(exam, connect, |exam, _, when| {
        let expected = format!("no thread to be left {when}");
        let seen = "`connect` has returned, and there is one, or more";
        exam.must(exam.leaves_no_thread()?, expected, seen)
            .diagnose(&[LEAVES_A_THREAD])
    })
}

pub(super) fn leaves_no_descriptor(exam: &Exam, connect: Connect) -> Verdict {
    on_every_path(exam, connect, |exam, most, when| {
        let none = exam.comes_true(|| Ok(descriptors()? <= most))?;
        let expected = format!("no descriptor to be left {when}");
        let seen = "`connect` has returned, and more descriptors are open than before";
        exam.must(none, expected, seen).caused_by(
            "Your code leaves a descriptor open: its socket, a clone of it or of `cancel`, or an \
             epoll. Drop each of them on every path out, errors included. What a thread still has, \
             or was forgotten (`mem::forget`, a raw number), is not closed.",
        )
    })?;
    leaves_none_to_its_thread(exam, connect)
}

/// The thread that has called goes on, as that of a program does: what is kept in a thread-local
/// stays open.
fn leaves_none_to_its_thread(exam: &Exam, connect: Connect) -> Verdict {
    let silent = Address::that_is_silent(exam)?;
    let mut cancel = Cancel::new()?;
    cancel.write(exam)?;
    let before = descriptors()?;
    let (go_on, goes_on) = mpsc::channel::<()>();
    let returned = Arc::new(AtomicBool::new(false));
    let is_back = Arc::clone(&returned);
    let call = Call::begin_and_then(exam, connect, (silent.addr, AMPLE), &cancel, move || {
        is_back.store(true, SeqCst);
        let _ = goes_on.recv(); // an error: the exam has looked
    })?;
    let none = exam.comes_true(|| Ok(returned.load(SeqCst) && descriptors()? <= before))?;
    drop(go_on);
    let aborted = ErrorKind::ConnectionAborted;
    call.fails(aborted, "after a cancel", hangs::ignores_cancel)?;
    exam.must(
        none,
        "no descriptor to be left after a cancel, while the thread that called goes on",
        "`connect` has returned, and more descriptors were open than before until its thread ended",
    )
    .caused_by(
        "Your code keeps a descriptor for the next call of the thread, such as a timer, an epoll \
         or a pipe in a `thread_local!`. Each thread that calls then holds one more. Open it in \
         the call, and drop it before you return.",
    )
}

fn on_every_path(exam: &Exam, connect: Connect, look: Look) -> Verdict {
    let (server, refuses, silent) = (
        Address::that_answers(exam)?,
        Address::that_refuses(exam)?,
        Address::that_is_silent(exam)?,
    );
    let (cancel, mut cancelled) = (Cancel::new()?, Cancel::new()?);
    let before = descriptors()?;
    let short = Duration::from_millis(200);

    let call = Call::begin(exam, connect, silent.addr, short, &cancel)?;
    let when = format!("with a limit of {short:?}");
    call.fails(ErrorKind::TimedOut, &when, |case| call.overdue(case))?;
    look(exam, before, "after the limit")?;

    let call = Call::begin(exam, connect, silent.addr, AMPLE, &cancelled)?;
    call.is_under_way()?;
    cancelled.write(exam)?;
    call.fails(
        ErrorKind::ConnectionAborted,
        "after that",
        hangs::ignores_cancel,
    )?;
    look(exam, before, "after a cancel")?;

    let call = Call::begin(exam, connect, refuses.addr, AMPLE, &cancel)?;
    let refused = ErrorKind::ConnectionRefused;
    call.fails(refused, "when the address refuses", hangs::never_ends)?;
    look(exam, before, "after a refusal")?;

    let call = Call::begin(exam, connect, server.addr, AMPLE, &cancel)?;
    let _stream: TcpStream = call.connects("when the address answers")?;
    look(exam, before + 1, "except the stream's")
}
