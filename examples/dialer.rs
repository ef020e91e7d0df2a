//! Your program connects to a name. The name has several addresses, and some of them do not answer.
//! What does each failure look like, and how do you keep one deadline for all of them?
//!
//!     cargo run --example dialer                                  plays both ends, stage by stage
//!     cargo run --example dialer -- 127.0.0.1:8330 --hold 30s     dials a real server
//!     cargo run --example dialer -- '[::1]:8330' --send hello     an IPv6 address needs brackets
//!
//! You will see where the local port comes from, and two ways to fail: a RST (reset) refuses
//! immediately, a silent server does not answer at all. You will also see how often the kernel
//! resends a SYN that gets no answer.
//!
//! New here: the client's end, and one deadline for a whole name.

use std::io::{self, ErrorKind, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::{fs, process::ExitCode, time::Duration, time::Instant};

use bpaf::{Parser, construct, long, positional};
use socket_workshop::peer::{self, begin_to_connect};
use socket_workshop::stage::{Flags, Story, gone, must};
use socket_workshop::table::{End, Kernel, State::*, TimerKind::Retransmit, ephemeral_ports};
use socket_workshop::{command, command::arguments::option_or, say};
use socket_workshop::{deadline::Deadline, fault::Attempt, listen::Listen};
use socket2::{Domain, Socket, Type};

/// The arguments of the program: a real server to dial, or to play both ends.
struct Arguments {
    timeout: Duration,
    send: Option<String>,
    hold: Duration,
    flags: Flags,
    addr: Option<String>,
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
    let addrs = resolved.attempt(|| format!("cannot resolve `{name}` as HOST:PORT"))?;
    let addrs: Vec<SocketAddr> = addrs.collect();
    try_each(&addrs, Deadline::after(limit)).attempt_to_dial(format_args!("`{name}`"))
}

fn try_each(addrs: &[SocketAddr], deadline: Deadline) -> io::Result<TcpStream> {
    let mut outcome = Err(ErrorKind::NotFound.into()); // stays so if the name has no address
    for (i, addr) in addrs.iter().enumerate() {
        // The remaining time is shared, so that a silent address leaves time for the next ones.
        // The kernel resends a SYN after 1 s: with a share below that, one lost SYN makes this
        // address fail. If attempts overlap (RFC 8305), each can wait longer: see `src/dial.rs`.
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
    let stream = TcpStream::connect_timeout(&addr, limit)?;
    let end = End::of(&stream)?;
    let port = end.local.port();
    let range = ephemeral_ports();
    story
        .stage("a server that listens")
        .pair(end, Established, Established)
        .why("The dialer did not choose a local port: the kernel picked one for this connection.")
        .claim(
            format!(
                "{port} is in the ephemeral range, {range:?}. Give a server a port outside it."
            ),
            range.contains(&port),
        )
        .show()?;

    // Bound but not listening, so that no other program can listen there either.
    let deaf = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    deaf.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    let nobody = End::of(&deaf)?.local;
    let started = Instant::now();
    let refused = TcpStream::connect_timeout(&nobody, limit);
    let took = started.elapsed();
    story
        .stage("a port without a listener")
        .expect("listener", End::listener(nobody), gone())
        .why("The kernel found no listener and answered the SYN with a RST.")
        .fails(
            &format!("After {took:.1?} connect_timeout"),
            refused,
            ErrorKind::ConnectionRefused,
        )
        .show()?;

    // A backlog of 0 queues one connection. `peer::silent` makes it, and returns when it is queued.
    let (full, _queued) = peer::silent()?;
    let silent = full.local_addr()?;
    let started = Instant::now();
    let timed_out = TcpStream::connect_timeout(&silent, limit / 2);
    let took = started.elapsed();
    story
        .stage("a server whose accept queue is full")
        .asks("A server is too busy to accept more clients. What does the next client get?")
        .expect("listener", End::listener(silent), must(Listen).drops(1..))
        .why(
            "The server's kernel has dropped the SYN and stays silent (Linux; other systems may \
             refuse). Our kernel would have resent it after 1 s. So with a limit below 1 s, one \
             lost SYN is a timeout.",
        )
        .fails(
            &format!("After {took:.1?} connect_timeout"),
            timed_out,
            ErrorKind::TimedOut,
        )
        .show()?;
    how_often_the_kernel_asks(&mut story, silent)?;

    let stream = try_each(&[nobody, silent, addr], Deadline::after(5 * limit))?;
    story
        .stage("three addresses, as if of one name; one deadline")
        .pair(End::of(&stream)?, Established, Established)
        .why(
            "The first address refused. The second was silent and used up its share of the time. \
             The third accepted. A name may have IPv4 and IPv6 addresses, and its server may \
             listen on one only: try them all.",
        )
        .show()?;
    story.end()
}

/// Dials a silent server without a limit, until the kernel has sent the SYN four times.
fn how_often_the_kernel_asks(story: &mut Story, silent: SocketAddr) -> io::Result<()> {
    let Ok(mut kernel) = Kernel::open() else {
        return Ok(()); // no table here
    };
    let dialer = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    dialer.set_nonblocking(true)?; // connect sends the SYN and returns: lesson `nonblocking`
    let started = Instant::now();
    begin_to_connect(&dialer, silent)?;
    let end = End::between(End::of(&dialer)?.local, silent);
    // Reads our row until its timer has counted 3 retransmissions: the first SYN, and 3 more.
    let sent_again = || {
        let timer = kernel.row(end)?.and_then(|row| row.timer);
        let is_enough = timer.is_some_and(|timer| timer.attempts >= 3);
        Ok(is_enough.then(|| started.elapsed()))
    };
    let took = Deadline::after(Duration::from_secs(30)).wait_for(sent_again)?;
    let Some(took) = took else {
        let late = "the kernel has not sent the SYN four times within 30 s";
        return Err(io::Error::new(ErrorKind::TimedOut, late));
    };

    let setting = fs::read_to_string("/proc/sys/net/ipv4/tcp_syn_linear_timeouts");
    let linear: u32 = match setting {
        Ok(text) => text.trim().parse().unwrap_or(0),
        Err(_) => 0, // before Linux 6.5 there is no such setting
    };
    // Four SYNs have three waits: 1 s each where the first ones are equal, or 1 s, 2 s and 4 s.
    let six_seconds = Duration::from_secs(6);
    let (waits, is_so) = match linear {
        2.. => ("each came 1 s after the one before", took < six_seconds),
        1 => (
            "the last wait was longer",
            took > Duration::from_millis(3500),
        ), // 1 s, 1 s, 2 s
        0 => (
            "each wait was longer than the one before",
            took > six_seconds,
        ), // 1 s, 2 s, 4 s
    };
    story
        .stage("connect without a limit: four SYNs have been sent")
        .expect("listener", End::listener(silent), must(Listen).drops(5..))
        .expect("dialer", end, must(SynSent).timer(Retransmit))
        .timers()
        .why(
            "Since Linux 6.5 the kernel by default resends the SYN every second at first \
             (5 times: one more than tcp_syn_linear_timeouts), then after 2 s, 4 s and so on. By \
             default it times out after about two minutes (tcp_syn_retries): set a limit.",
        )
        .claim(
            format!("The fourth SYN was sent after {took:.1?}: {waits}."),
            is_so,
        )
        .show()
}

/// What the command line asks for: send, then hold the connection, or shut down the sending half
/// immediately.
fn talk(arguments: &Arguments, mut stream: &TcpStream) -> io::Result<()> {
    if let Some(text) = &arguments.send {
        stream.write_all(format!("{text}\n").as_bytes())?;
    }
    let mut limit = arguments.hold;
    if limit.is_zero() {
        stream.shutdown(Shutdown::Write)?; // our FIN; the answer may still come
        limit = arguments.timeout;
    }
    // A stream whose reads fail once the deadline has passed: lesson `deadlines`.
    let mut answer = Deadline::after(limit).on(stream);
    match io::copy(&mut answer, &mut io::stdout()).map_err(command::output_error) {
        Ok(_) => say!("end of file: the peer has closed"),
        Err(error) if error.kind() == ErrorKind::TimedOut => Ok(()), // long enough
        Err(error) => Err(error),
    }
}

impl command::Arguments for Arguments {
    const ABOUT: &'static str = "Dials a name: tries its addresses until one of them connects";

    fn parser() -> impl Parser<Arguments> + 'static {
        let help = "Time out after this long, however many addresses the name has";
        let timeout = option_or("3s", "timeout", "DURATION", help, humantime::parse_duration);
        let send = long("send")
            .help("Send this text and a newline")
            .argument("TEXT")
            .optional();
        let help = "Stay connected this long, or until the peer closes";
        let hold = option_or("0s", "hold", "DURATION", help, humantime::parse_duration);
        let flags = Flags::parser();
        let help = "Dial this HOST:PORT instead of playing both ends";
        let addr = positional("ADDR").help(help).optional();
        construct!(Arguments {
            timeout,
            send,
            hold,
            flags,
            addr
        })
        .guard(
            |given| given.send.is_none() || given.addr.is_some(),
            "--send needs the ADDR of a server to dial",
        )
    }
}
