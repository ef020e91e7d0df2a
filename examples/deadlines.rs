//! You set a read timeout of 100 ms, and a slow client still holds your thread for minutes. A
//! timeout limits one call. A deadline limits everything you wait for.
//!
//!     cargo run --example deadlines
//!
//! You will see that a read on an idle connection waits without limit, and that a timeout does not
//! change the connection. One byte now and then defeats a timeout, but not a deadline. Once a
//! deadline has passed, every call fails. You will also see an answer that arrives after its caller
//! has timed out, and what a write waits for.
//!
//! New here: limits for the time that a call, or several calls, may wait.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use socket_workshop::command;
use socket_workshop::deadline::{Deadline, TICK};
use socket_workshop::listen::Listen;
use socket_workshop::peer::{Drip, connected};
use socket_workshop::stage::{Flags, Story, must};
use socket_workshop::table::{End, State::*, TimerKind::WindowProbe};

/// The timeouts and the deadlines of this lesson.
const LIMIT: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    command::run(|flags: Flags| {
        let listener = Listen::default().on(flags.listen)?;
        let mut story = Story::begin(&flags, listener.local_addr()?)?;
        a_timeout(&mut story, &listener)?;
        a_byte_now_and_then(&mut story, &listener)?;
        let (client, server, _) = connected(&listener)?;
        after_the_deadline(&mut story, &client, &server)?;
        the_answer_to_another_question(&mut story, client, server)?;
        a_full_window(&mut story, &listener)?;
        story.end()
    })
}

fn a_timeout(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = connected(listener)?;
    client.set_read_timeout(Some(LIMIT))?; // SO_RCVTIMEO: applies to each read from now on
    let started = Instant::now();
    // A timeout is the error WouldBlock (EAGAIN), or TimedOut on Windows and with a `Deadline`.
    let timed_out = client.read(&mut [0]);
    let took = started.elapsed();

    server.write_all(b"late")?;
    client.set_read_timeout(Some(10 * LIMIT))?;
    let next = client.read(&mut [0; 16])?;
    story
        .stage("an idle connection, on which a read has timed out")
        .client(end, must(Established).no_timer())
        .server(end, must(Established).no_timer())
        .timers()
        .why(
            "No timer runs at either end. A read without a timeout waits without limit, even if \
             the cable is pulled.",
        )
        .fails("A read with a timeout", timed_out, ErrorKind::WouldBlock)
        // Linux rounds a timeout up, so a read ends late. But on a busy virtual machine one in
        // 7 000 ended 0.05 ms early: the lesson allows one tick.
        .claim(format!("It took {took:.0?}."), took + TICK >= LIMIT)
        .claim(
            "The timeout did not change the connection: the next read returned data.",
            next == 4,
        )
        .show()
}

/// The same slow line twice: with a timeout for each read, then with a deadline for the line.
fn a_byte_now_and_then(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let first = read_slow_line(listener, line_with_a_timeout)?;
    let with_timeout = format!(
        "- a timeout of 100 ms for each read: the whole line, after {:.0?}",
        first.took
    );
    let is_whole = first.line == Ok(10) && first.took > 5 * LIMIT;
    drop(first);

    let second = read_slow_line(listener, line_with_a_deadline)?;
    let with_deadline = format!(
        "- a deadline of 100 ms for the line: timed out, after {:.0?}",
        second.took
    );
    let has_timed_out = second.line == Err(ErrorKind::WouldBlock) && second.took + TICK >= LIMIT;
    story
        .stage("a line of ten bytes was sent, one every 60 ms")
        .asks("A read timeout of 100 ms: when does reading a slow line time out?")
        .pair(
            End::of(&second.client)?,
            must(Established).recv_q(1..),
            Established,
        )
        .why(
            "This client had a deadline and has timed out. Its peer went on: the rest of the line \
             has arrived, too. It waits in Recv-Q for the next read.",
        )
        .claim(with_timeout, is_whole)
        .claim(with_deadline, has_timed_out)
        .show()
}

/// A timeout applies to each call: each byte that arrives starts it again.
fn line_with_a_timeout(mut client: &TcpStream) -> io::Result<usize> {
    client.set_read_timeout(Some(LIMIT))?;
    let mut byte = [0];
    let mut n = 0;
    while byte != *b"\n" {
        client.read_exact(&mut byte)?;
        n += 1;
    }
    Ok(n)
}

/// A deadline is a point in time: before each read, what remains is its timeout.
fn line_with_a_deadline(mut client: &TcpStream) -> io::Result<usize> {
    let started = Instant::now();
    let mut byte = [0];
    let mut n = 0;
    while byte != *b"\n" {
        let left = LIMIT.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Err(ErrorKind::WouldBlock.into()); // set_read_timeout would refuse zero
        }
        client.set_read_timeout(Some(left))?;
        client.read_exact(&mut byte)?;
        n += 1;
    }
    Ok(n)
}

/// How the reading of a slow line has ended.
struct SlowLine {
    /// How many bytes it has, or which error came first.
    line: Result<usize, ErrorKind>,
    took: Duration,
    client: TcpStream,
    _server: TcpStream,
}

/// A peer sends a line slowly, and `read` reads it.
fn read_slow_line(
    listener: &TcpListener,
    read: fn(&TcpStream) -> io::Result<usize>,
) -> io::Result<SlowLine> {
    for _ in 0..40 {
        let (client, server, _) = connected(listener)?;
        let started = Instant::now();
        let peer = Drip::start(server, b"ten bytes\n", Duration::from_millis(60));
        let line = read(&client).map_err(|error| error.kind());
        let took = started.elapsed();
        let (_server, longest_pause) = peer.end()?;
        if longest_pause <= LIMIT * 4 / 5 {
            return Ok(SlowLine {
                line,
                took,
                client,
                _server,
            });
        }
        // A pause was about as long as the timeout, because the machine was too busy: try again.
    }
    Err(io::Error::other(
        "this machine is too busy to send a byte every 80 ms",
    ))
}

/// `Deadline` (`src/deadline.rs`) does the same: before each call it computes what remains.
fn after_the_deadline(
    story: &mut Story,
    client: &TcpStream,
    mut server: &TcpStream,
) -> io::Result<()> {
    let end = End::of(client)?;
    let started = Instant::now();
    let mut timed = Deadline::after(LIMIT).on(client);
    let pending = timed.read(&mut [0; 16]);
    let took = started.elapsed();
    server.write_all(b"late")?;
    let later = timed.read(&mut [0; 16]);
    let write = timed.write(b"question");
    story
        .stage("after its deadline the client reads and writes")
        .client(end, must(Established).recv_q(4).send_q(0))
        .server(end, must(Established).recv_q(0))
        .why(
            "A read was pending when the deadline passed. Then 4 bytes arrived. The later calls \
             did not touch the connection: nothing was read, nothing was sent.",
        )
        .fails("The pending read", pending, ErrorKind::TimedOut)
        .claim(format!("It took {took:.0?}."), took >= LIMIT)
        .fails("A later read", later, ErrorKind::TimedOut)
        .fails("A later write", write, ErrorKind::TimedOut)
        .show()
}

fn the_answer_to_another_question(
    story: &mut Story,
    mut client: TcpStream,
    mut server: TcpStream,
) -> io::Result<()> {
    let end = End::of(&client)?;
    let mut timed = Deadline::after(10 * LIMIT).on(&client); // the same connection, a new deadline
    let late = timed.read(&mut [0; 16])?;

    client.set_read_timeout(Some(LIMIT))?;
    client.write_all(b"get a\n")?;
    let timed_out = client.read(&mut [0; 16]);
    client.write_all(b"get b\n")?;
    server.write_all(b"apple\n")?; // the answer to `get a`: late, but it is sent
    client.set_read_timeout(Some(10 * LIMIT))?;
    let mut answer = [0; 6];
    client.read_exact(&mut answer)?;
    story
        .stage("`get a` timed out; `get b` gets the late answer")
        .client(end, must(Established).recv_q(0))
        .server(end, must(Established).recv_q(12).send_q(0))
        .why(
            "The server cannot know that the client no longer waits for its first answer. After a \
             timeout, close the connection, or number the calls.",
        )
        .claim(
            "With a new deadline, the client first read the 4 bytes from before.",
            late == 4,
        )
        .fails("The read after `get a`", timed_out, ErrorKind::WouldBlock)
        .claim(
            "The read after `get b` returned `apple`, which is the answer to `get a`.",
            answer == *b"apple\n",
        )
        .show()
}

fn a_full_window(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, _server, end) = connected(listener)?;
    client.set_write_timeout(Some(LIMIT))?; // SO_SNDTIMEO
    let written = client.write_all(&vec![0; 64 << 20]);
    let blocked = must(Established).send_q(1..).window(0).timer(WindowProbe);
    story
        .stage("the client writes; its peer does not read")
        .client(end, blocked)
        .server(end, must(Established).recv_q(1..))
        .timers()
        .why(
            "Both buffers are full. The peer's window (how much more it takes) is zero, and our \
             kernel asks now and then whether it has opened (`probe`). A write without a timeout \
             waits until the peer reads. The error of write_all does not say how much was \
             written: such a connection can only be closed.",
        )
        .fails("write_all, with a timeout,", written, ErrorKind::WouldBlock)
        .show()
}
