use std::{
    io::{self, Read},
    net::{Shutdown, TcpListener, UdpSocket},
    os::{fd::AsFd, unix::net::UnixStream},
    sync::{Barrier, Condvar, Mutex, mpsc},
    thread,
    time::Duration,
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Socket, Type};

use super::{Call, Doing, Lasts, Thread, doing, is_ending, others, wait_in};
use crate::{
    deadline::Deadline,
    peer::{connected, silent},
};

#[test]
fn what_a_thread_does_is_read_as_the_kernel_writes_it() {
    let of = |text| doing(text).0;
    assert_eq!(of("running\n"), Doing::Running);
    let in_a_page_fault = "-1 0x7ffd4f7ab2c8 0x7f1c2d5f0a1b\n";
    assert_eq!(of(in_a_page_fault), Doing::Running);
    let in_read = "0 0x7 0x7f1c 0x10 0x0 0x0 0x0 0x7ffd4f7ab2c8 0x7f1c2d5f0a1b\n";
    assert!(matches!(of(in_read), Doing::Blocked { .. }));
    assert_eq!(of("something else\n"), Doing::Unknown);
}

#[test]
fn a_thread_that_is_blocked_in_a_read_is_seen_there() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let reader = thread::spawn(move || theirs.read(&mut [0]));
    assert_ne!(wait_in(Call::Read, 1), Some(false));
    drop(ours);
    assert_eq!(reader.join().unwrap().unwrap(), 0);
}

/// std uses splice(2) only to or from a pipe.
#[test]
fn io_copy_between_two_sockets_waits_in_a_read_and_not_in_splice() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (client, server, _) = connected(&listener).unwrap();
    checked(
        "t-copy",
        move || io::copy(&mut &server, &mut &server),
        Call::Read,
        |_| true,
        move || drop(client),
    );
}

/// The thread of this name, once it is blocked in this call.
fn blocked(name: &str, call: Call) -> Thread {
    let look = || {
        let mut threads = others()?.into_iter();
        Ok(threads
            .find(|thread| thread.name == name && thread.call.is_some_and(|is| is.call() == call)))
    };
    let found = Deadline::after(Duration::from_secs(20)).wait_for(look);
    found.unwrap().expect("the thread blocks")
}

fn lasts(name: &str, call: Call) -> Lasts {
    blocked(name, call).call.expect("it is blocked").lasts()
}

/// Starts a thread of this name, which must end when `end` is called.
fn checked<T: Send + 'static>(
    name: &'static str,
    body: impl FnOnce() -> T + Send + 'static,
    call: Call,
    is_right: impl FnOnce(Lasts) -> bool,
    end: impl FnOnce(),
) {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(body);
    let seen = lasts(name, call);
    end();
    thread.unwrap().join().map(drop).unwrap();
    assert!(is_right(seen), "{name}: {seen:?}");
}

fn is_endless(lasts: Lasts) -> bool {
    lasts == Lasts::Endless
}

/// Within a limit of 600 s, which no test reaches.
fn is_limited(lasts: Lasts) -> bool {
    matches!(lasts, Lasts::AtMost(limit) if limit > Duration::from_secs(500) && limit <= LONG)
}

const LONG: Duration = Duration::from_secs(600);

#[test]
fn the_timeout_of_a_read_is_the_sockets() {
    for (name, timeout, is_right) in [
        ("t-read", None, is_endless as fn(Lasts) -> bool),
        ("t-read-limit", Some(LONG), is_limited),
    ] {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.set_read_timeout(timeout).unwrap();
        let read = move || theirs.read(&mut [0]);
        checked(name, read, Call::Read, is_right, || drop(ours));
    }
}

#[test]
fn a_datagram_and_a_connection_are_waited_for_without_a_timeout() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let other = socket.try_clone().unwrap();
    let addr = socket.local_addr().unwrap();
    let end = || drop(other.send_to(b"x", addr));
    checked(
        "t-recv",
        move || socket.recv(&mut [0]),
        Call::Read,
        is_endless,
        end,
    );

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let end = || drop(std::net::TcpStream::connect(addr));
    checked(
        "t-accept",
        move || listener.accept(),
        Call::Accept,
        is_endless,
        end,
    );
}

#[test]
fn the_timeout_of_a_connect_is_the_sockets() {
    for (name, timeout, longest) in [
        ("t-dial", None, Duration::from_secs(131)),
        ("t-dial-limit", Some(LONG), LONG),
    ] {
        let (listener, _queued) = silent().unwrap();
        let addr = listener.local_addr().unwrap();
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_write_timeout(timeout).unwrap();
        let dialing = socket.try_clone().unwrap();
        let connect = move || dialing.connect(&addr.into());
        let end = || drop(socket.shutdown(Shutdown::Both)); // connect returns ECONNABORTED
        let is_right = |lasts| lasts == Lasts::AtMost(longest);
        checked(name, connect, Call::Connect, is_right, end);
    }
}

#[test]
fn the_timeout_of_poll_is_an_argument() {
    for (name, timeout, is_right) in [
        ("t-poll", PollTimeout::NONE, is_endless as fn(Lasts) -> bool),
        (
            "t-poll-limit",
            PollTimeout::try_from(LONG).unwrap(),
            is_limited,
        ),
    ] {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let wait = move || {
            let mut fds = [PollFd::new(theirs.as_fd(), PollFlags::POLLIN)];
            poll(&mut fds, timeout)
        };
        checked(name, wait, Call::Poll, is_right, || drop(ours));
    }
}

#[test]
fn a_poll_on_a_terminal_or_a_pipe_of_the_start_waits_for_the_outside() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let wait = move || {
        let stdout = io::stdout();
        let on_error = PollFd::new(stdout.as_fd(), PollFlags::empty());
        let mut fds = [PollFd::new(theirs.as_fd(), PollFlags::POLLIN), on_error];
        poll(&mut fds, PollTimeout::NONE)
    };
    let is_outside = |lasts| lasts == Lasts::Outside;
    checked("t-poll-out", wait, Call::Poll, is_outside, || drop(ours));
}

#[test]
fn a_lock_and_a_channel_have_no_timeout_and_a_wait_with_one_has() {
    let (sender, receiver) = mpsc::channel::<()>();
    checked(
        "t-channel",
        move || receiver.recv(),
        Call::Lock,
        is_endless,
        || drop(sender),
    );

    let (sender, receiver) = mpsc::channel::<()>();
    let wait = move || receiver.recv_timeout(LONG);
    checked("t-channel-limit", wait, Call::Lock, is_limited, || {
        drop(sender)
    });

    static PAIR: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());
    let wait = || {
        let (lock, condition) = &PAIR;
        drop(condition.wait_timeout_while(lock.lock().unwrap(), LONG, |ended| !*ended));
    };
    checked("t-condition", wait, Call::Lock, is_limited, || {
        *PAIR.0.lock().unwrap() = true;
        PAIR.1.notify_all();
    });
}

#[test]
fn a_sleep_lasts_as_long_as_it_was_asked_for() {
    let sleep = || thread::sleep(Duration::from_millis(300)); // its length is the subject
    let is_short =
        |lasts| matches!(lasts, Lasts::AtMost(time) if time <= Duration::from_millis(300));
    checked("t-sleep", sleep, Call::Sleep, is_short, || ());
}

#[test]
fn a_thread_that_stays_blocked_takes_no_turn_and_one_that_was_woken_does() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let read = move || {
        for _ in 0..2 {
            theirs.read_exact(&mut [0]).unwrap();
        }
    };
    let reader = thread::Builder::new()
        .name("t-turns".to_owned())
        .spawn(read);
    let first = blocked("t-turns", Call::Read);
    assert!(blocked("t-turns", Call::Read).has_stayed_blocked_since(&first));
    io::Write::write_all(&mut &ours, b"x").unwrap();
    let woken = || {
        let second = blocked("t-turns", Call::Read);
        Ok((!second.has_stayed_blocked_since(&first)).then_some(()))
    };
    let woken = Deadline::after(Duration::from_secs(20)).wait_for(woken);
    assert_eq!(woken.unwrap(), Some(()));
    drop(ours);
    assert!(reader.unwrap().join().is_err()); // end of file: read_exact fails
}

#[test]
fn the_flag_of_a_thread_that_is_about_to_end_is_found_after_any_name() {
    let with = |flags| is_ending(&format!("7 (a) S 1 (b)) R 1 1 1 0 -1 {flags} 4 4 4 4\n"));
    assert!(with(0x0040_0044));
    assert!(!with(0x0040_0040));
    assert!(!is_ending(""));
}

/// An ordinary user may not read the file `syscall` of a thread whose memory is gone already. As
/// root this cannot fail. Nor does each run meet such a thread: it takes many.
#[test]
fn a_thread_that_is_about_to_end_is_not_one_that_the_kernel_does_not_show() {
    if others()
        .unwrap()
        .iter()
        .any(|thread| thread.doing == Doing::Unknown)
    {
        return eprintln!("skipped: the kernel does not show what threads are doing here");
    }
    thread::scope(|scope| {
        let ending = scope.spawn(|| {
            for _ in 0..600 {
                let together = Barrier::new(32);
                thread::scope(|scope| {
                    for _ in 0..32 {
                        scope.spawn(|| together.wait());
                    }
                });
            }
        });
        while !ending.is_finished() {
            let threads = others().unwrap();
            let unknown = threads.iter().find(|thread| thread.doing == Doing::Unknown);
            assert_eq!(unknown, None);
        }
    });
}
