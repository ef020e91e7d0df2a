//! Your service calls another one over TCP. How many connections does it open, and what do they
//! leave in the kernel's table? This is `kv.go` of MIT 6.824, a course on distributed systems: a
//! key-value server and its client in one process. The calls themselves are in `src/kv.rs` and
//! `src/rpc.rs`.
//!
//!     cargo run --example kv                          two lines on stdout, their story on stderr
//!     cargo run --example kv -- serve                 terminal 1: a server, until Ctrl-C
//!     cargo run --example kv -- put subject 6.824     terminal 2: its client
//!     cargo run --example kv -- get subject
//!
//! Any program can be the client, even nc: a call is one JSON object on one line.
//!
//! You will see the connection of each call at both ends, and what it leaves in the table.
//!
//! New here: calls and answers, and a process that ends while its server still waits for clients.

use std::{io, process::ExitCode, thread, time::Duration};
use std::{net::SocketAddr, num::NonZeroUsize};

use clap::{Parser, Subcommand};
use socket_workshop::kv::{CALL_LIMIT, Client, Kv, Limits};
use socket_workshop::stage::{Flags, Story, gone, time_wait};
use socket_workshop::table::{End, State::*};
use socket_workshop::threads::{Call, wait_in};
use socket_workshop::{command, say};
use socket_workshop::{dial::resolve, serve::raise_descriptor_limit, stop::Stop};

const ADDR: &str = "127.0.0.1:1234";

/// kv.go: a key-value server and its client
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
#[command(mut_arg("listen", |listen| listen.default_value(ADDR)))]
struct Arguments {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until Ctrl-C
    Serve(Serve),
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

#[derive(clap::Args)]
struct Serve {
    /// The address to listen on; port 0 takes a free port
    #[arg(long, value_name = "ADDR", default_value = ADDR, value_parser = command::address)]
    listen: SocketAddr,
    /// Close a connection that makes no call for this long
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = command::longer_than_zero)]
    idle: Duration,
    /// Serve this many connections at once; further ones wait
    #[arg(long, value_name = "N", default_value = "10000")]
    max_connections: NonZeroUsize,
}

fn main() -> ExitCode {
    command::run(|arguments: Arguments| match arguments.command {
        None => both_ends(&arguments.flags),
        Some(Command::Serve(serve)) => server(serve),
        Some(Command::Put { key, value, to }) => {
            Client::dial(&resolve(&to)?, CALL_LIMIT)?.put(&key, &value)?;
            say!("Put({key}, {value}) done")
        }
        Some(Command::Get { key, to }) => {
            let value = Client::dial(&resolve(&to)?, CALL_LIMIT)?.get(&key)?;
            match value {
                Some(value) => say!("{value}"),
                None => Err(io::Error::other(format!("no key `{key}` at {to}"))),
            }
        }
    })
}

/// The main of kv.go, with a look at the kernel's table between its lines.
fn both_ends(flags: &Flags) -> io::Result<()> {
    let listener = Kv::listen(flags.listen)?;
    let addr = listener.local_addr()?;
    let listening = End::listener(addr);
    let mut story = Story::begin_on_stderr(flags, addr)?;
    // Go's `go func() { for { l.Accept() … } }()`. This thread is never joined; see the last stage.
    thread::spawn(move || Kv::default().serve(listener, &Stop::new()?, Limits::default()));

    let mut client = Client::dial(&[addr], CALL_LIMIT)?;
    client.put("subject", "6.824")?;
    let first = End::of(client.stream())?;
    story
        .stage("put: the client dialed, called, read the answer")
        .expect("listener", listening, Listen)
        .pair(first, Established, Established)
        .nothing_else()
        .why("The listener's row does not change: a thread of the server owns the new connection.")
        .show()?;
    drop(client); // Go's client.Close(): the client's FIN goes first
    say!("Put(subject, 6.824) done")?;
    story
        .stage("put: the client closed first, then the server")
        .pair(first, time_wait(), gone())
        .timers()
        .why("The end that closes first keeps TIME_WAIT, to repeat the last ACK if it is lost.")
        .show()?;

    let mut client = Client::dial(&[addr], CALL_LIMIT)?;
    let value = client.get("subject")?.unwrap_or_default(); // in Go a missing key is ""
    let second = End::of(client.stream())?;
    let counting = time_wait().counted_below(Duration::from_millis(59_900));
    story
        .stage("get: a new connection")
        .expect("client of put", first, counting)
        .pair(second, Established, Established)
        .timers()
        .why(
            "kv.go dials for each call. The first connection's TIME_WAIT counts down from 60 s; at \
             0 the kernel removes the row. This run does not wait for that.",
        )
        .show()?;
    let mut other = Client::dial(&[addr], CALL_LIMIT)?;
    let same = other.get("subject")? == Some(value.clone());
    let third = End::of(other.stream())?;
    let two_wait = wait_in(Call::Read, 2) != Some(false); // None: this machine does not say
    story
        .stage("another client at the same time (kv.go has none)")
        .pair(second, Established, Established)
        .expect("other client", third, Established)
        .expect("its server's end", third.other(), Established)
        .why("The server has a thread for each connection: a silent client delays no other.")
        .claim("The other client got the same value.", same)
        .claim("Two threads of the server wait in read.", two_wait)
        .show()?;
    drop(other);
    drop(client);
    say!("get(subject) -> {value}")?;
    story
        .stage("the calls are done; the server waits for clients")
        .asks("This process ends next. Which of these rows will netstat still show?")
        .expect("listener", listening, Listen)
        .expect("client of put", first, counting)
        .expect("client of get", second, time_wait())
        .expect("other client", third, time_wait())
        .nothing_else()
        .timers()
        .why(
            "A process ends when main returns, even if its threads wait. Then the kernel closes \
             the listener. A row in TIME_WAIT belongs to no process: netstat still shows it, for \
             60 s in all.",
        )
        .show()?;
    story.end()
}

fn server(flags: Serve) -> io::Result<()> {
    raise_descriptor_limit()?;
    let listener = Kv::listen(flags.listen)?;
    let stop = Stop::on_ctrl_c()?;
    let kv = Kv::default();
    say!("listening on {}; Ctrl-C stops", listener.local_addr()?)?;
    let limits = Limits::new(flags.max_connections.get(), flags.idle);
    let totals = kv.serve(listener, &stop, limits)?;
    say!("{} calls on {totals}", kv.calls())
}
