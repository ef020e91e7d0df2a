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

use bpaf::{Parser, construct, positional};
use socket_workshop::command::arguments::{
    self, count, longer_than_zero, option, option_or, size, subcommand,
};
use socket_workshop::kv::{CALL_LIMIT, Client, Kv, Limits};
use socket_workshop::stage::{Flags, Story, gone, time_wait};
use socket_workshop::table::{End, State::*};
use socket_workshop::threads::{Call, wait_in};
use socket_workshop::{command, say};
use socket_workshop::{dial::resolve, serve::raise_descriptor_limit, stop::Stop};

const ADDR: &str = "127.0.0.1:1234";

/// The arguments of the program: to play both ends, or one of them.
enum Arguments {
    BothEnds(Flags),
    Serve(Serve),
    Put {
        key: String,
        value: String,
        to: String,
    },
    Get {
        key: String,
        to: String,
    },
}

struct Serve {
    listen: SocketAddr,
    idle: Duration,
    max_connections: NonZeroUsize,
    per_address: Option<NonZeroUsize>,
    max_memory: usize,
}

fn main() -> ExitCode {
    command::run(|arguments| match arguments {
        Arguments::BothEnds(flags) => both_ends(&flags),
        Arguments::Serve(serve) => server(serve),
        Arguments::Put { key, value, to } => {
            Client::dial(&resolve(&to)?, CALL_LIMIT)?.put(&key, &value)?;
            say!("Put({key}, {value}) done")
        }
        Arguments::Get { key, to } => {
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
    // In kv.go this is a goroutine, Go's kind of thread. It is never joined: see the last stage.
    thread::spawn(move || Kv::default().serve(listener, &Stop::new()?, Limits::default()));

    let mut client = Client::dial(&[addr], CALL_LIMIT)?;
    client.put("subject", "6.824")?;
    let first = End::of(client.stream())?;
    story
        .stage("put: the client dialed, called, read the answer")
        .expect("listener", listening, Listen)
        .pair(first, Established, Established)
        .nothing_else()
        .why("The listener's row does not change: the server's end is another socket.")
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
    let kv = Kv::with_max_memory(flags.max_memory);
    say!("listening on {}; Ctrl-C stops", listener.local_addr()?)?;
    let mut limits = Limits::new(flags.max_connections.get(), flags.idle);
    if let Some(most) = flags.per_address {
        limits.capacity.of_an_address = most.get();
    }
    let totals = kv.serve(listener, &stop, limits)?;
    say!("{} calls on {totals}", kv.calls())
}

impl command::Arguments for Arguments {
    const ABOUT: &'static str = "kv.go: a key-value server and its client";

    fn parser() -> impl Parser<Arguments> + 'static {
        let to = arguments::server(ADDR, "to");
        let (key, value) = (positional("KEY"), positional("VALUE"));
        let put = construct!(Arguments::Put { to, key, value });
        let put = subcommand("put", "Store VALUE under KEY", put);
        let to = arguments::server(ADDR, "to");
        let key = positional("KEY");
        let get = construct!(Arguments::Get { to, key });
        let get = subcommand("get", "Print the value under KEY", get);
        let serve = construct!(Arguments::Serve(serve()));
        let serve = subcommand("serve", "Serve until Ctrl-C", serve);
        let flags = Flags::listening_on(ADDR);
        let both_ends = construct!(Arguments::BothEnds(flags));
        construct!([serve, put, get, both_ends])
    }
}

fn serve() -> impl Parser<Serve> {
    let listen = arguments::listen(ADDR);
    let help = "Close a connection that makes no call for this long";
    let idle = option_or("5m", "idle", "DURATION", help, longer_than_zero);
    let help = "Serve this many connections at once; further ones wait";
    let max_connections = option_or("10000", "max-connections", "N", help, count);
    let help = "Serve this many connections of one address; loopback has no such limit";
    let per_address = option("per-address", "N", help, count).optional();
    let help = "Store this much: the bytes of keys and values, and 128 for each entry";
    let max_memory = option_or("256MiB", "max-memory", "SIZE", help, size);
    construct!(Serve {
        listen,
        idle,
        max_connections,
        per_address,
        max_memory
    })
}
