//! Crowds that a server must survive: thousands of connections that say nothing, or half of
//! something, and an address that takes all it can get. In a network of its own, so that the crowd
//! fills no table but its own; a test file of its own, because the whole process must be in it.

use std::{
    io::{self, Write},
    net::{SocketAddr, TcpStream},
    panic::{self, AssertUnwindSafe},
    process::{Command, ExitCode},
    thread,
    time::Duration,
};

use socket_workshop::{
    deadline::Deadline,
    kv::{CALL_LIMIT, Client, Kv, Limits},
    namespace,
    serve::{Capacity, Totals, raise_descriptor_limit, serve},
    stop::Stop,
};

/// Longer than any of these takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Longer than any test: only a server that makes room answers before.
const AN_HOUR: Duration = Duration::from_secs(3600);

/// Not loopback, where all clients share an address.
const ELSEWHERE: &str = "10.0.0.1:0";

fn main() -> ExitCode {
    let own = namespace::enter().and_then(|_| {
        let mut command = Command::new("ip");
        command.args(["address", "add", "10.0.0.1/32", "dev", "lo"]);
        match command.status()?.success() {
            true => Ok(()),
            false => Err(io::Error::other("ip address add failed")),
        }
    });
    if let Err(error) = own {
        eprintln!("skipped: {error}");
        return ExitCode::SUCCESS;
    }
    raise_descriptor_limit().unwrap();
    silent_connections_make_room();
    half_sent_requests_make_room();
    an_address_gets_its_share_and_no_more();
    ExitCode::SUCCESS
}

/// Runs `clients` against a kv server, and returns what the server has done.
fn with_kv(addr: &str, capacity: impl Into<Capacity>, clients: impl FnOnce(SocketAddr)) -> Totals {
    let listener = Kv::listen(addr.parse().unwrap()).unwrap();
    let addr = listener.local_addr().unwrap();
    let (kv, stop, capacity) = (Kv::default(), Stop::new().unwrap(), capacity.into());
    let limits = Limits {
        idle: AN_HOUR,
        call: AN_HOUR,
        ..Limits::default()
    };
    thread::scope(|scope| {
        let serving = || {
            serve(listener, &stop, capacity, |client| {
                kv.converse(client, limits)
            })
        };
        let server = scope.spawn(serving);
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| clients(addr)));
        stop.request(); // also after a panic: the scope waits for the server
        let totals = server.join().unwrap().unwrap();
        outcome.map_or_else(|panic| panic::resume_unwind(panic), |()| totals)
    })
}

#[track_caller]
fn is_served(addr: SocketAddr) {
    let mut client = Client::dial(&[addr], PATIENCE).unwrap();
    client.put("subject", "6.824").unwrap();
}

fn silent_connections_make_room() {
    let totals = with_kv("127.0.0.1:0", 1000, |addr| {
        let crowd: Vec<_> = (0..2000)
            .map(|_| TcpStream::connect(addr).unwrap())
            .collect();
        is_served(addr);
        drop(crowd);
    });
    assert_eq!(
        totals.failed, 0,
        "a silent connection is closed, not reset: {totals}"
    );
}

fn half_sent_requests_make_room() {
    with_kv("127.0.0.1:0", 1000, |addr| {
        let half = |_| {
            let mut stream = TcpStream::connect(addr).unwrap();
            stream.write_all(b"{\"method\":").unwrap();
            stream
        };
        let crowd: Vec<_> = (0..2000).map(half).collect();
        is_served(addr);
        drop(crowd);
    });
}

fn an_address_gets_its_share_and_no_more() {
    let totals = with_kv(ELSEWHERE, 20, |addr| {
        let mut share: Vec<_> = (0..10)
            .map(|_| Client::dial(&[addr], CALL_LIMIT).unwrap())
            .collect();
        for client in &mut share {
            client.put("subject", "6.824").unwrap();
        }
        let more = TcpStream::connect(addr).unwrap();
        let read = io::Read::read(&mut Deadline::after(PATIENCE).on(&more), &mut [0]);
        assert_eq!(read.unwrap(), 0, "it is closed");
        share.pop();
        // Its place is free once the server has closed its end: until then it may be closed, too.
        let again = || {
            let mut client = Client::dial(&[addr], CALL_LIMIT)?;
            Ok(client.put("subject", "6.824").ok())
        };
        Deadline::after(PATIENCE)
            .wait_for(again)
            .unwrap()
            .expect("a place is free again");
    });
    assert!(totals.refused > 0, "{totals}");
    assert_eq!(totals.failed, 0, "{totals}");
}
