//! What a wait has shown, as a failure prints it.

use std::time::Duration;

use socket_workshop::{
    table::State,
    threads::{Call, Doing, Lasts, Thread},
    wait::{Look, Stuck},
};

use super::{
    place::Sought,
    threads::{OURS, who},
    waiting::CEILING,
};

/// One line: that it is proven, and by what, or that it is not.
pub(super) fn line(stuck: &Stuck) -> String {
    let is_students = |thread: &&Thread| !thread.name.starts_with(OURS);
    let threads: Vec<&Thread> = stuck.look().threads.iter().filter(is_students).collect();
    match stuck {
        Stuck::Hang(_) if threads.is_empty() => {
            "proven: no thread of yours is left, no segment is under way, and the exam sends \
             nothing more"
                .to_owned()
        }
        Stuck::Hang(look) if is_dialing(look) => format!(
            "proven: {}, each SYN is dropped (the accept queue is full), and the exam accepts \
             nothing",
            waits(&threads)
        ),
        Stuck::Hang(_) => format!(
            "proven: {}, no segment is under way, and the exam sends nothing more",
            waits(&threads)
        ),
        Stuck::Spin(cpu, look) => {
            let who = match threads.len() {
                1 => "your thread has",
                _ => "your threads have",
            };
            let cpu = cpu.as_millis();
            let and_without = match look.sockets.is_empty() {
                true => "returning",
                false => "moving a byte",
            };
            format!(
                "proven: {who} used {cpu} ms of CPU time without waiting and without {and_without}"
            )
        }
        Stuck::Idle(time, _) => format!(
            "not proven: nothing has moved for {}, while {}",
            seconds(*time),
            match threads.len() {
                0 => "no thread of yours was left".to_owned(),
                _ => waits(&threads),
            }
        ),
        Stuck::Ceiling(..) => format!(
            "not proven: the exam stopped waiting {} after the check began; something still moved",
            seconds(CEILING)
        ),
    }
}

/// The student's threads, with what each is doing at its line.
pub(super) fn sought(stuck: &Stuck) -> Vec<Sought> {
    let threads = stuck.look().threads.iter();
    let threads = threads.filter(|thread| !thread.name.starts_with(OURS));
    let sought = |thread: &Thread| Sought {
        thread: thread.id,
        call: thread.call.map(|call| call.number),
        label: match thread.doing {
            Doing::Running => match stuck {
                Stuck::Spin(..) => "runs again and again, without waiting".to_owned(),
                _ => "runs here".to_owned(),
            },
            Doing::Blocked { .. } => match stuck {
                Stuck::Hang(_) => format!("waits here, {}", in_vain(thread)),
                _ => "waits here".to_owned(),
            },
            Doing::Unknown => "your thread is here".to_owned(),
        },
    };
    threads.map(sought).collect()
}

/// What will not come, of what a thread waits for.
fn in_vain(thread: &Thread) -> &'static str {
    match thread.call.map(|call| call.call()) {
        Some(Call::Read) => "nothing will arrive",
        Some(Call::Write) => "there will be no room",
        Some(Call::Accept) => "no client will come",
        Some(Call::Poll) => "nothing will become ready",
        Some(Call::Lock) => "no thread will wake it",
        Some(Call::Connect) => "its SYN will not be answered",
        Some(Call::Sleep) => "nothing will end it sooner",
        _ => "nothing will end it",
    }
}

fn is_connect(doing: Doing) -> bool {
    matches!(
        doing,
        Doing::Blocked {
            call: Call::Connect,
            ..
        }
    )
}

fn is_dialing(look: &Look) -> bool {
    let mut rows = look.sockets.iter();
    rows.any(|row| row.state == State::SynSent)
}

/// Where these threads wait, and for how long they may.
fn waits(threads: &[&Thread]) -> String {
    let place = |thread: &&Thread| (thread.doing, thread.call.map(|call| call.lasts()));
    let first = place(&threads[0]);
    if !threads.iter().all(|thread| place(thread) == first) {
        let all = who(threads.len(), threads.len());
        let is_timed = |lasts| matches!(lasts, Some(Lasts::AtMost(_)));
        return match threads.iter().any(|thread| is_timed(place(thread).1)) {
            true => format!("{all} waiting, with timeouts"),
            false => format!("{all} waiting, without a timeout that could end it"),
        };
    }
    let who = match threads.len() {
        1 => "your thread waits".to_owned(),
        count => format!("your {count} threads wait"),
    };
    let (doing, lasts) = first;
    let limit = match lasts {
        Some(Lasts::Endless) => " without a timeout".to_owned(),
        // Two minutes if it has no timeout: a SYN that is never answered ends it.
        Some(Lasts::AtMost(limit)) if is_connect(doing) && limit > CEILING => String::new(),
        Some(Lasts::AtMost(limit)) => format!(" with a timeout of {}", seconds(limit)),
        _ => String::new(),
    };
    format!("{who} {doing}{limit}")
}

fn seconds(time: Duration) -> String {
    match time.as_millis() {
        milliseconds @ ..1000 => format!("{milliseconds} ms"),
        // What is left of an hour, say.
        600_000.. => format!("{:.0} min", time.as_secs_f64() / 60.0),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use socket_workshop::{
        table::{End, Kernel},
        wait::{Look, Stuck},
    };

    use super::line;

    #[test]
    fn a_spin_speaks_of_bytes_only_where_there_is_a_socket() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let end = End::of(&listener).unwrap();
        let row = Kernel::open().unwrap().row(end).unwrap();
        let told = |sockets| {
            let look = Look {
                sockets,
                ..Look::default()
            };
            line(&Stuck::Spin(Duration::from_millis(300), look))
        };
        assert!(told(row.into_iter().collect()).ends_with(" and without moving a byte"));
        assert!(told(Vec::new()).ends_with(" and without returning"));
    }
}
