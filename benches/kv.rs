//! Calls a second of the kv server beside a raw ping-pong of 64 bytes, the limit that loopback and
//! a thread for each connection set on this machine. Machines differ and are shared: only the
//! ratio of the two means something, and only within one run.
//!
//!     cargo bench --bench kv

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use socket_workshop::{
    kv::{CALL_LIMIT, Client, Kv, Limits},
    listen::Listen,
    say,
    stop::Stop,
};

/// Raw and kv take turns, to meet the same neighbours and the same mood of the scheduler. Each
/// figure is the median of this number of rounds, and so is the ratio: of two rounds side by side.
const ROUNDS: usize = 41;
const ROUND: Duration = Duration::from_millis(120);

/// What one client does again and again until the time is over; returns how often.
type Work = fn(SocketAddr, Instant) -> io::Result<u64>;

fn main() -> io::Result<()> {
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let (raw, kv) = (
        Listen::with_backlog(4096).on(loopback)?,
        Kv::listen(loopback)?,
    );
    let (raw_addr, kv_addr) = (raw.local_addr()?, kv.local_addr()?);
    thread::spawn(move || raw_server(&raw)); // both servers end with the process
    thread::spawn(move || Kv::default().serve(kv, &Stop::new()?, Limits::default()));
    Client::dial(&[kv_addr], CALL_LIMIT)?.put("subject", "6.824")?;

    say!("median of {ROUNDS} rounds of {ROUND:?}, calls a second:")?;
    say!("{:<34} {:>9} {:>9} {:>7}", "", "raw", "kv", "ratio")?;
    for (name, raw_work, kv_work) in [
        (
            "a connection for each call",
            raw_fresh as Work,
            kv_fresh as Work,
        ),
        ("kept connections", raw_kept, kv_kept),
    ] {
        for clients in [1, 8] {
            let (mut raws, mut kvs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                let raw = calls_per_second(clients, raw_work, raw_addr)?;
                let kv = calls_per_second(clients, kv_work, kv_addr)?;
                raws.push(raw);
                kvs.push(kv);
                ratios.push(kv / raw);
            }
            let (raw, kv, ratio) = (median(raws), median(kvs), median(ratios));
            let case = format!(
                "{name}, {clients} client{}",
                if clients == 1 { "" } else { "s" }
            );
            say!("{case:<34} {raw:>9.0} {kv:>9.0} {ratio:>7.2}")?;
        }
    }
    Ok(())
}

fn calls_per_second(clients: usize, work: Work, addr: SocketAddr) -> io::Result<f64> {
    let started = Instant::now();
    let until = started + ROUND;
    let calls = thread::scope(|scope| {
        let clients: Vec<_> = (0..clients)
            .map(|_| scope.spawn(move || work(addr, until)))
            .collect();
        clients
            .into_iter()
            .map(|client| client.join().expect("a client returns its errors"))
            .sum::<io::Result<u64>>()
    })?;
    Ok(calls as f64 / started.elapsed().as_secs_f64())
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Sends back every 64 bytes, as plainly as std allows, in the fastest of the designs that lesson
/// `servers` compares: threads that stay, each of which accepts and serves.
fn raw_server(listener: &TcpListener) {
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| listener.incoming().flatten().for_each(raw_connection));
        }
    });
}

fn raw_connection(mut stream: TcpStream) {
    let mut message = [0; 64];
    while stream.read_exact(&mut message).is_ok() && stream.write_all(&message).is_ok() {}
}

fn ping(mut stream: &TcpStream) -> io::Result<()> {
    let mut message = [b'x'; 64];
    stream.write_all(&message)?;
    stream.read_exact(&mut message)
}

fn raw_fresh(addr: SocketAddr, until: Instant) -> io::Result<u64> {
    repeat(until, || ping(&TcpStream::connect(addr)?))
}

fn raw_kept(addr: SocketAddr, until: Instant) -> io::Result<u64> {
    let stream = TcpStream::connect(addr)?;
    repeat(until, || ping(&stream))
}

fn kv_fresh(addr: SocketAddr, until: Instant) -> io::Result<u64> {
    repeat(until, || get(&mut Client::dial(&[addr], CALL_LIMIT)?))
}

fn kv_kept(addr: SocketAddr, until: Instant) -> io::Result<u64> {
    let mut client = Client::dial(&[addr], CALL_LIMIT)?;
    repeat(until, || get(&mut client))
}

fn get(client: &mut Client) -> io::Result<()> {
    let value = client.get("subject")?;
    assert_eq!(
        value.as_deref(),
        Some("6.824"),
        "the server must answer what was put"
    );
    Ok(())
}

fn repeat(until: Instant, mut call: impl FnMut() -> io::Result<()>) -> io::Result<u64> {
    let mut calls = 0;
    while Instant::now() < until {
        call()?;
        calls += 1;
    }
    Ok(calls)
}
