//! Servers on port 0, with clients that behave and clients that do not.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use nix::errno::Errno;

use super::{Capacity, Concerns, Connection, Totals, concerns, serve};
use crate::{
    deadline::Deadline,
    peer::wait_until,
    stop::Stop,
    table::{End, Kernel},
};

const PATIENCE: Duration = Duration::from_secs(10);

/// Echoes what comes in messages of any size.
fn echo(connection: &Connection) -> io::Result<()> {
    let mut buf = [0; 1024];
    loop {
        connection.between_messages(PATIENCE);
        let n = (&mut &*connection).read(&mut buf)?;
        if n == 0 {
            return Ok(());
        }
        connection.within_message(PATIENCE);
        (&mut &*connection).write_all(&buf[..n])?;
    }
}

/// A server that closes no idle connection to make room.
fn patient(connections: usize) -> Capacity {
    Capacity {
        yields_after: PATIENCE,
        ..connections.into()
    }
}

/// Runs `clients` against a server, requests the stop, and returns what the server has done.
fn with_server(
    max_connections: usize,
    handle: impl Fn(&Connection) -> io::Result<()> + Sync + Send,
    clients: impl FnOnce(SocketAddr, &Stop),
) -> Totals {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let stop = Stop::new().unwrap();
    thread::scope(|scope| {
        let server = scope.spawn(|| serve(listener, &stop, patient(max_connections), handle));
        clients(addr, &stop);
        stop.request();
        server.join().unwrap().unwrap()
    })
}

#[track_caller]
fn says_and_hears(mut stream: &TcpStream, word: &[u8]) {
    let mut timed = Deadline::after(PATIENCE).on(stream);
    stream.write_all(word).unwrap();
    let mut answer = vec![0; word.len()];
    timed.read_exact(&mut answer).unwrap();
    assert_eq!(answer, word);
}

#[test]
fn a_silent_client_does_not_keep_the_others_waiting() {
    let totals = with_server(100, echo, |addr, _| {
        let _silent = TcpStream::connect(addr).unwrap();
        says_and_hears(&TcpStream::connect(addr).unwrap(), b"hello");
    });
    assert_eq!(totals.failed, 0);
}

#[test]
fn past_the_limit_a_connection_waits_in_the_accept_queue() {
    let totals = with_server(1, echo, |addr, _| {
        let first = TcpStream::connect(addr).unwrap();
        says_and_hears(&first, b"first");
        let mut second = TcpStream::connect(addr).unwrap();
        second.write_all(b"second").unwrap();
        let mut kernel = Kernel::open().unwrap();
        let listener = End::listener(addr);
        let queued = || {
            Ok(kernel
                .table()?
                .find(listener)
                .is_some_and(|row| row.recv_q == 1)
                .then_some(()))
        };
        assert!(
            Deadline::after(PATIENCE)
                .wait_for(queued)
                .unwrap()
                .is_some()
        );
        drop(first);
        let mut answer = [0; 6];
        Deadline::after(PATIENCE)
            .on(&second)
            .read_exact(&mut answer)
            .unwrap();
        assert_eq!(&answer, b"second");
    });
    assert_eq!(totals.to_string(), "2 connections (0 failed)");
}

#[test]
fn the_stop_closes_idle_connections_with_fin_and_returns_within_the_grace() {
    let mut client = None;
    let started = Instant::now();
    with_server(100, echo, |addr, stop| {
        let stream = TcpStream::connect(addr).unwrap();
        says_and_hears(&stream, b"hello");
        stop.request();
        // End of file, not ECONNRESET.
        assert_eq!(
            Deadline::after(PATIENCE)
                .on(&stream)
                .read(&mut [0])
                .unwrap(),
            0
        );
        client = Some(stream);
    });
    assert!(started.elapsed() < Duration::from_secs(5));
}

/// Until a client that has written `second` is in the accept queue, with its bytes.
fn until_it_waits(client: &TcpStream) {
    let end = End::of(client).unwrap().other();
    wait_until(end, |row| row.is_some_and(|row| row.recv_q == 6)).unwrap();
}

#[test]
fn what_was_queued_at_the_stop_is_accepted_and_served() {
    let totals = with_server(1, echo, |addr, stop| {
        let first = TcpStream::connect(addr).unwrap();
        says_and_hears(&first, b"first");
        let mut second = TcpStream::connect(addr).unwrap();
        second.write_all(b"second").unwrap();
        until_it_waits(&second);
        stop.request();
        drop(first);
        let mut answer = Vec::new();
        Deadline::after(PATIENCE)
            .on(&second)
            .read_to_end(&mut answer)
            .unwrap();
        assert_eq!(answer, b"second");
    });
    assert_eq!(totals.connections, 2);
}

#[test]
fn at_the_stop_an_idle_connection_makes_room_for_one_that_is_queued() {
    let mut served_after = None;
    let totals = with_server(1, echo, |addr, stop| {
        let idle = TcpStream::connect(addr).unwrap();
        says_and_hears(&idle, b"first");
        let mut second = TcpStream::connect(addr).unwrap();
        second.write_all(b"second").unwrap();
        until_it_waits(&second);
        let asked = Instant::now();
        stop.request();
        assert_eq!(
            Deadline::after(PATIENCE).on(&idle).read(&mut [0]).unwrap(),
            0
        );
        drop(idle);
        let mut answer = Vec::new();
        Deadline::after(PATIENCE)
            .on(&second)
            .read_to_end(&mut answer)
            .unwrap();
        assert_eq!(answer, b"second");
        served_after = Some(asked.elapsed());
    });
    assert_eq!(totals.to_string(), "2 connections (0 failed)");
    assert!(
        served_after.unwrap() < super::lead::GRACE,
        "{served_after:?}"
    );
}

#[test]
fn a_client_that_does_not_read_its_answer_ends_by_the_deadline() {
    let limit = Duration::from_millis(50);
    let flood = |connection: &Connection| {
        connection.within_message(limit);
        (&mut &*connection).write_all(&vec![0; 64 << 20])
    };
    let totals = with_server(100, flood, |addr, _| {
        let mut client = TcpStream::connect(addr).unwrap();
        let mut kernel = Kernel::open().unwrap();
        let end = End::of(&client).unwrap().other();
        let held = || {
            let table = kernel.table()?;
            Ok(table.find(end).filter(|row| row.inode != 0).map(drop))
        };
        assert!(
            Deadline::after(PATIENCE).wait_for(held).unwrap().is_some(),
            "accepted"
        );
        let shut = || {
            Ok(kernel
                .table()?
                .find(end)
                .is_none_or(|row| row.inode == 0)
                .then_some(()))
        };
        assert!(Deadline::after(PATIENCE).wait_for(shut).unwrap().is_some());
        let _ = client.read(&mut [0]);
    });
    assert_eq!(totals.to_string(), "1 connection (1 failed)");
}

#[test]
fn errors_of_accept_are_told_apart() {
    let process = [
        Errno::EMFILE,
        Errno::ENFILE,
        Errno::ENOBUFS,
        Errno::ENOMEM,
        Errno::EPERM, // a firewall rule forbids it, and may go on to
    ];
    let connection = [
        Errno::ECONNABORTED,
        Errno::EINTR,
        // The list in accept(2), "Error handling".
        Errno::ENETDOWN,
        Errno::EPROTO,
        Errno::ENOPROTOOPT,
        Errno::EHOSTDOWN,
        Errno::ENONET,
        Errno::EHOSTUNREACH,
        Errno::EOPNOTSUPP,
        Errno::ENETUNREACH,
    ];
    let listener = [Errno::EINVAL, Errno::EBADF, Errno::ENOTSOCK];
    let all = [
        (&process[..], Concerns::Process),
        (&connection, Concerns::Connection),
        (&listener, Concerns::Listener),
    ];
    for (errors, expected) in all {
        for errno in errors {
            let error = io::Error::from_raw_os_error(*errno as i32);
            assert_eq!(concerns(&error), expected, "{errno}");
        }
    }
}

#[test]
fn a_handler_that_fails_or_panics_leaves_no_connection_open() {
    let fails = |_: &Connection| Err(io::Error::other("the handler has failed"));
    // Unwinds as `panic!` does, without a message on stderr.
    let panics = |_: &Connection| std::panic::resume_unwind(Box::new("the handler has panicked"));
    fn ends(handle: impl Fn(&Connection) -> io::Result<()> + Sync + Send) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let stop = Stop::new().unwrap();
        thread::scope(|scope| {
            let server = scope.spawn(|| serve(listener, &stop, 10, handle));
            let client = TcpStream::connect(addr).unwrap();
            let end = End::of(&client).unwrap();
            let read = Deadline::after(PATIENCE).on(&client).read(&mut [0]);
            assert_eq!(read.unwrap(), 0, "a FIN, not a reset");
            // The client has not closed: the kernel shows whether a program owns the other end.
            let mut kernel = Kernel::open().unwrap();
            let is_closed = || {
                let row = kernel.row(end.other())?;
                Ok(row.is_none_or(|row| row.inode == 0).then_some(()))
            };
            let closed = Deadline::after(PATIENCE).wait_for(is_closed).unwrap();
            assert!(closed.is_some(), "the server's end is still open");
            drop(client);
            stop.request();
            let _panic_or_totals = server.join();
        });
    }
    ends(fails);
    ends(panics);
}
