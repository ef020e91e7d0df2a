//! Calls a second of the kv server beside a raw ping-pong of 64 bytes, the limit that loopback and
//! threads that stay set on this machine; and, where Go is installed, beside the same server in Go,
//! both called by a client in Go (`kv.go`). Machines differ and are shared: only the ratio of two
//! figures means something, and only within one run.
//!
//!     cargo bench --bench kv

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use socket_workshop::{
    folder::Temporary,
    kv::{CALL_LIMIT, Client, Kv, Limits},
    listen::Listen,
    say,
    stop::Stop,
};

/// Raw and kv take turns, to meet the same neighbours and the same mood of the scheduler. Each
/// figure is the median of this number of rounds, and so is the ratio: of two rounds side by side.
const ROUNDS: usize = 41;
const ROUND: Duration = Duration::from_millis(120);

/// The same for Go's client, which is started for each round.
const GO_ROUNDS: usize = 15;
const GO_ROUND: Duration = Duration::from_millis(400);

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
    head("raw", "kv")?;
    for (name, raw_work, kv_work) in [
        (
            "a connection for each call",
            raw_fresh as Work,
            kv_fresh as Work,
        ),
        ("kept connections", raw_kept, kv_kept),
    ] {
        for clients in [1, 8] {
            let raw = || calls_per_second(clients, raw_work, raw_addr);
            let kv = || calls_per_second(clients, kv_work, kv_addr);
            compare(name, clients, ROUNDS, raw, kv)?;
        }
    }
    match Go::build()? {
        Some(go) => go.compare_with(kv_addr),
        None => say!("\n`go` is not installed here: no comparison with Go's server"),
    }
}

fn head(one: &str, other: &str) -> io::Result<()> {
    say!("{:<38} {one:>9} {other:>9} {:>7}", "", "ratio")
}

/// Measures both in turns, and prints the medians.
fn compare(
    name: &str,
    clients: usize,
    rounds: usize,
    mut one: impl FnMut() -> io::Result<f64>,
    mut other: impl FnMut() -> io::Result<f64>,
) -> io::Result<()> {
    let (mut ones, mut others, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (one, other) = (one()?, other()?);
        ones.push(one);
        others.push(other);
        ratios.push(other / one);
    }
    let (one, other, ratio) = (median(ones), median(others), median(ratios));
    let plural = if clients == 1 { "" } else { "s" };
    let case = format!("{name}, {clients} client{plural}");
    say!("{case:<38} {one:>9.0} {other:>9.0} {ratio:>7.2}")
}

/// The server and the client of `kv.go`, built into a folder that ends with this.
struct Go {
    _folder: Temporary,
    program: PathBuf,
}

impl Go {
    /// `None` where Go is not installed.
    fn build() -> io::Result<Option<Go>> {
        let folder = Temporary::new()?;
        let program = folder.path().join("kv");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/kv.go");
        let mut command = Command::new("go");
        command.arg("build").arg("-o").arg(&program).arg(source);
        match command.status() {
            Ok(status) if status.success() => Ok(Some(Go {
                _folder: folder,
                program,
            })),
            Ok(status) => Err(io::Error::other(format!("go build ends with {status}"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn compare_with(&self, ours: SocketAddr) -> io::Result<()> {
        let mut command = Command::new(&self.program);
        let mut server = command.arg("serve").stdout(Stdio::piped()).spawn()?;
        let stdout = server.stdout.take().expect("it is a pipe");
        let mut theirs = String::new();
        BufReader::new(stdout).read_line(&mut theirs)?;
        say!("\nGo's client, median of {GO_ROUNDS} rounds of {GO_ROUND:?}, calls a second:")?;
        head("go", "kv")?;
        let ours = ours.to_string();
        let kinds = [
            ("a connection for each call", "fresh"),
            ("kept connections", "kept"),
        ];
        for (name, kind) in kinds {
            for clients in [1, 8] {
                let theirs = || self.calls(theirs.trim(), clients, kind);
                let ours = || self.calls(&ours, clients, kind);
                compare(name, clients, GO_ROUNDS, theirs, ours)?;
            }
        }
        server.kill()?;
        server.wait().map(drop)
    }

    fn calls(&self, addr: &str, clients: usize, kind: &str) -> io::Result<f64> {
        let mut command = Command::new(&self.program);
        command.args(["calls", addr, &clients.to_string(), kind]);
        let output = command.arg(GO_ROUND.as_millis().to_string()).output()?;
        let printed = String::from_utf8_lossy(&output.stdout);
        printed.trim().parse().map_err(|_| {
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            io::Error::other(format!("Go's client: {}", error.trim()))
        })
    }
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
