//! `kv.go` of MIT 6.824: a key-value server and its client in one process, over two connections.
//!
//!     cargo run --example kv                          both ends: two lines on stdout, the story on stderr
//!     cargo run --example kv -- serve                 terminal 1: a server, until Ctrl-C
//!     cargo run --example kv -- put subject 6.824     terminal 2: its client, or a Go program, or
//!     echo '{"method":"KV.Get","params":[{"Key":"subject"}],"id":0}' | nc -N 127.0.0.1 1234
//!
//! You will see each call's connection at both ends, and what the client leaves behind when it
//! closes first. New since `reuseaddr`: calls over a connection, and a process that ends while its
//! server still waits in accept.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    process::ExitCode,
    thread,
    time::Duration,
};

use clap::{Parser, Subcommand};
use socket_workshop::{
    command::{self, say},
    dial::resolve,
    kv::{CALL_LIMIT, Client, Kv},
    listen::Listen,
    serve::{raise_descriptor_limit, serve},
    stage::{Flags, Story, gone, must},
    stop::Stop,
    table::{End, State, TimerKind},
};

/// kv.go: a key-value server and its client
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true, mut_arg("listen", |arg| arg.default_value(ADDR)))]
struct Arguments {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Option<Command>,
}

const ADDR: &str = "127.0.0.1:1234";

/// TIME_WAIT lasts 60 s on Linux.
const COUNTED_DOWN: Duration = Duration::from_millis(59_900);

#[derive(Subcommand)]
enum Command {
    /// Serve until Ctrl-C
    Serve {
        /// The address to listen on; port 0 takes a free port
        #[arg(long, value_name = "ADDR", default_value = ADDR, value_parser = command::address)]
        listen: SocketAddr,
        /// Close a connection that has made no call for this long
        #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = humantime::parse_duration)]
        idle: Duration,
        /// Serve this many connections at once; further ones wait
        #[arg(long, value_name = "N", default_value_t = 10_000)]
        max_connections: usize,
    },
    /// Store VALUE under KEY
    Put {
        key: String,
        value: String,
        #[arg(long, value_name = "ADDR", default_value = ADDR)]
        to: String,
    },
    /// Print the value under KEY
    Get {
        key: String,
        #[arg(long, value_name = "ADDR", default_value = ADDR)]
        to: String,
    },
}

fn main() -> ExitCode {
    command::run(|arguments: Arguments| match arguments.command {
        None => both_ends(&arguments.flags),
        Some(Command::Serve {
            listen,
            idle,
            max_connections,
        }) => server(listen, idle, max_connections),
        Some(Command::Put { key, value, to }) => {
            Client::dial(&resolve(&to)?, CALL_LIMIT)?.put(&key, &value)?;
            say(format!("Put({key}, {value}) done"))
        }
        Some(Command::Get { key, to }) => {
            match Client::dial(&resolve(&to)?, CALL_LIMIT)?.get(&key)? {
                Some(value) => say(value),
                None => Err(io::Error::new(
                    io::ErrorKind::NotFound,
                    format!("{to} has no key `{key}`"),
                )),
            }
        }
    })
}

/// kv.go's own main, with a look at the kernel's table between its lines.
fn both_ends(flags: &Flags) -> io::Result<()> {
    let listener = listen(flags.listen)?;
    let addr = listener.local_addr()?;
    let listening = End::of(&listener)?;
    let mut story = Story::begin_on_stderr(flags, addr)?;

    // Go's `go func() { for { l.Accept() ... } }()`. Nobody joins this thread; see the last stage.
    thread::spawn(move || {
        let kv = Kv::default();
        serve(listener, &Stop::new()?, 100, |connection| {
            kv.converse(connection, CALL_LIMIT)
        })
    });
    story
        .stage(
            "server()",
            "A thread of its own waits in accept; main goes on to its calls.",
        )
        .expect("listener", listening, State::Listen)
        .nothing_else()
        .show()?;

    let mut client = Client::dial(&[addr], CALL_LIMIT)?;
    client.put("subject", "6.824")?;
    let first = End::of(client.stream())?;
    story
        .stage(
            "put: the connection",
            "The client has dialed, called KV.Put and read the answer.",
        )
        .expect("listener", listening, State::Listen)
        .expect("client of put", first, State::Established)
        .expect("server's end", first.other(), State::Established)
        .nothing_else()
        .why("One connection, two rows: each end keeps its own state. The listener's row stays.")
        .show()?;
    drop(client); // client.Close() in Go: the client's FIN goes first
    say("Put(subject, 6.824) done")?;
    story
        .stage("put: closed", "The client has closed; the server read end of file and closed too.")
        .expect("client of put", first, must(State::TimeWait).timer(TimerKind::TimeWait))
        .expect("server's end", first.other(), gone())
        .timers()
        .why("Whoever sends the first FIN keeps the connection in TIME_WAIT, to repeat the last ACK if it gets lost.")
        .show()?;

    let mut client = Client::dial(&[addr], CALL_LIMIT)?;
    let value = client.get("subject")?.unwrap_or_default(); // a missing key is "" in Go
    let second = End::of(client.stream())?;
    story
        .stage(
            "get: a second connection",
            "kv.go dials anew for each call. The first connection is still counted down.",
        )
        .expect(
            "client of put",
            first,
            must(State::TimeWait).timer_below(TimerKind::TimeWait, COUNTED_DOWN),
        )
        .expect("client of get", second, State::Established)
        .expect("server's end", second.other(), State::Established)
        .timers()
        .show()?;
    drop(client);
    say(format!("get(subject) -> {value}"))?;
    story
        .stage("main returns", "Both calls are done. The server's thread still waits in accept, for clients that will never come.")
        .expect("listener", listening, State::Listen)
        .expect("client of put", first, State::TimeWait)
        .expect("client of get", second, State::TimeWait)
        .nothing_else()
        .timers()
        .why(
            "A process ends when main returns, whatever its other threads wait for: the kernel closes their sockets. \
             TIME_WAIT outlives it, as no process owns it: netstat shows the two rows until their minute (2 MSL) is over.",
        )
        .show()?;
    story.end()
}

fn server(listen: SocketAddr, idle: Duration, max_connections: usize) -> io::Result<()> {
    raise_descriptor_limit()?;
    let listener = self::listen(listen)?;
    let stop = Stop::on_ctrl_c()?;
    let kv = Kv::default();
    say(format!(
        "kv: listening on {}; Ctrl-C stops it",
        listener.local_addr()?
    ))?;
    let totals = serve(listener, &stop, max_connections, |connection| {
        kv.converse(connection, idle)
    })?;
    say(format!(
        "kv: {} calls on {} connections, {} of them failed",
        kv.calls(),
        totals.connections,
        totals.failed
    ))
}

/// A backlog for clients that come by the thousand, and answers that do not wait for each other's ACK.
fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    Listen {
        backlog: 4096,
        no_delay: true,
        ..Listen::default()
    }
    .on(addr)
}
