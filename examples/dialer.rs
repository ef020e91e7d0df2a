//! Your program connects to a name. The name has several addresses, and some of them do not answer.
//! What does each failure look like, and how do you keep one deadline for all of them?
//!
//!     cargo run --example dialer                                  plays both ends, stage by stage
//!     cargo run --example dialer -- 127.0.0.1:8330 --hold 30s     dials a real server
//!     cargo run --example dialer -- '[::1]:8330' --send hello     an IPv6 address needs brackets
//!
//! You will see where the local port comes from, two ways to fail: refused immediately by a RST
//! (reset), or no answer at all, and how often the kernel asks again.
//!
//! New here: the client's end, and one deadline for a whole name.

use std::io::{self, ErrorKind, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::{fs, process::ExitCode, time::Duration, time::Instant};

use clap::Parser;
use socket_workshop::stage::{Flags, Story, gone, must};
use socket_workshop::table::{End, Kernel, State::*, TimerKind::Retransmit, ephemeral_ports};
use socket_workshop::{command, say};
use socket_workshop::{deadline::Deadline, fault::Attempt, listen::Listen};
use socket2::{Domain, Socket, Type};

/// Dials a name: tries its addresses until one of them connects
#[derive(Parser)]
struct Arguments {
    /// Dial this HOST:PORT instead of playing both ends
    addr: Option<String>,
    /// Time out after this long, however many addresses the name has
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = humantime::parse_duration)]
    timeout: Duration,
    /// Send this text and a newline
    #[arg(long, value_name = "TEXT", requires = "addr")]
    send: Option<String>,
    /// Stay connected this long, or until the peer closes
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = humantime::parse_duration)]
    hold: Duration,
    #[command(flatten)]
    flags: Flags,
}

fn main() -> ExitCode {
    command::run(|arguments: Arguments| match &arguments.addr {
        None => both_ends(&arguments.flags),
        Some(name) => talk(&arguments, &dial(name, arguments.timeout)?),
    })
}

/// Tries every address of a name, with one deadline for all of them.
fn dial(name: &str, limit: Duration) -> io::Result<TcpStream> {
    let resolved = name.to_socket_addrs(); // the system's resolver, which takes no deadline
    let addrs = resolved
        .attempt(|| format!("cannot resolve `{name}` as HOST:PORT"))?
        .collect::<Vec<_>>();
    try_each(&addrs, Deadline::after(limit)).attempt_to_dial(format_args!("`{name}`"))
}

fn try_each(addrs: &[SocketAddr], deadline: Deadline) -> io::Result<TcpStream> {
    let mut outcome = Err(ErrorKind::NotFound.into());
    for (i, addr) in addrs.iter().enumerate() {
        // The remaining time is shared, so that a silent address leaves time for the next ones.
        // A share below 1 s loses an address to one lost SYN. Attempts that overlap do not
        // (RFC 8305); `dial` in `src/dial.rs` is written so.
        let share = deadline.remaining()? / (addrs.len() - i) as u32;
        let started = Instant::now();
        outcome = TcpStream::connect_timeout(addr, share);
        let took = started.elapsed();
        match &outcome {
            Ok(stream) => {
                say!(
                    "{addr}: connected from {}, after {took:.1?}",
                    stream.local_addr()?
                )?;
                break;
            }
            Err(error) => say!("{addr}: {error}, after {took:.1?}")?,
        }
    }
    outcome
}

fn both_ends(flags: &Flags) -> io::Result<()> {
    let listener = Listen::default().on(flags.listen)?;
    let addr = listener.local_addr()?;
    let mut story = Story::begin(flags, addr)?;
    let limit = Duration::from_millis(600);
    let stream = dial(&addr.to_string(), limit)?;
    let end = End::of(&stream)?;
    story
        .stage("a server that listens")
        .pair(end, Established, Established)
        .why("The dialer did not choose a local port: the kernel picked one for this connection.")
        .show()?;
    let (port, range) = (end.local.port(), ephemeral_ports());
    let text = format!("{port} is in the ephemeral range, {range:?}. Servers use ports below it.");
    story.claim(&text, range.contains(&port))?;

    // Bound but not listening, so that no other program can listen there either.
    let deaf = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    deaf.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    let nobody = End::of(&deaf)?.local;
    let refused = dial(&nobody.to_string(), limit);
    story
        .stage("a port without a listener")
        .expect("listener", End::listener(nobody), gone())
        .why(
            "The kernel found no listener and answered the SYN with a RST: the client is refused \
              immediately.",
        )
        .show()?;
    story.fails("connect", refused, ErrorKind::ConnectionRefused)?;

    let full = Listen::with_backlog(0).on(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let silent = full.local_addr()?;
    let _queued = TcpStream::connect(silent)?; // a backlog of 0 queues one connection
    let gave_up = dial(&silent.to_string(), limit / 2);
    story
        .stage("a server whose accept queue is full")
        .expect("listener", End::listener(silent), must(Listen).drops(1))
        .why(
            "The server's kernel has dropped one SYN and stays silent (Linux; other systems may \
              refuse). Ours would have sent it again after 1 s: with a limit below 1 s one lost \
              SYN is a timeout.",
        )
        .show()?;
    story.fails("connect_timeout", gave_up, ErrorKind::TimedOut)?;
    how_often_the_kernel_asks(&mut story, silent)?;

    let stream = try_each(&[nobody, silent, addr], Deadline::after(limit))?;
    story
        .stage("all three addresses, as if one name had them, with one deadline")
        .pair(End::of(&stream)?, Established, Established)
        .why(
            "A name may have addresses of both families, and its server may listen on one only: \
              try them all.",
        )
        .show()?;
    story.end()
}

/// Dials a silent server without a limit, until the kernel has sent the SYN four times.
fn how_often_the_kernel_asks(story: &mut Story, silent: SocketAddr) -> io::Result<()> {
    let dialer = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    dialer.set_nonblocking(true)?; // connect sends the SYN and returns: lesson `nonblocking`
    let started = Instant::now();
    dialer.connect(&silent.into()).err();
    let end = End::between(End::of(&dialer)?.local, silent);
    let Ok(mut kernel) = Kernel::open() else {
        return Ok(()); // no table here
    };
    let sent_again = || {
        let timer = kernel.row(end)?.and_then(|row| row.timer);
        let is_enough = timer.is_some_and(|timer| timer.attempts >= 3);
        Ok(is_enough.then(|| started.elapsed()))
    };
    let took = Deadline::after(Duration::from_secs(30)).wait_for(sent_again)?;
    story
        .stage("connect without a limit: the SYN has been sent four times")
        .expect("listener", End::listener(silent), must(Listen).drops(5..))
        .expect("dialer", end, must(SynSent).timer(Retransmit))
        .timers()
        .why(
            "Since Linux 6.5 the kernel sends the SYN again every second at first \
              (tcp_syn_linear_timeouts: 4 times), then after 2 s, 4 s and so on. It times out \
              after about two minutes (tcp_syn_retries): set a limit.",
        )
        .show()?;
    let linear = fs::read_to_string("/proc/sys/net/ipv4/tcp_syn_linear_timeouts");
    let linear = linear
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0);
    let took = took.unwrap_or(Duration::MAX);
    match linear {
        3.. => story.claim(
            &format!("The fourth SYN was sent after {took:.1?}: 1 s between two."),
            took < Duration::from_secs(6),
        ),
        _ => story.claim(
            &format!("Here the fourth SYN was sent after {took:.1?}: each pause is longer."),
            took > Duration::from_secs(6),
        ),
    }
}

/// What the command line asks for: send, then hold the connection, or half-close it immediately.
fn talk(arguments: &Arguments, mut stream: &TcpStream) -> io::Result<()> {
    if let Some(text) = &arguments.send {
        stream.write_all(format!("{text}\n").as_bytes())?;
    }
    let mut limit = arguments.hold;
    if limit.is_zero() {
        stream.shutdown(Shutdown::Write)?; // our FIN; the answer may still come
        limit = arguments.timeout;
    }
    let mut answer = Deadline::after(limit).on(stream);
    match io::copy(&mut answer, &mut io::stdout()).map_err(command::output_error) {
        Ok(_) => say!("end of file: the peer has closed"),
        Err(error) if error.kind() == ErrorKind::TimedOut => Ok(()), // long enough
        Err(error) => Err(error),
    }
}
