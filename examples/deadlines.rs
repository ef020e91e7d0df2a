//! You set a read timeout of 100 ms, and a slow client still holds your thread for minutes. A
//! timeout limits one call. A deadline limits everything you wait for.
//!
//!     cargo run --example deadlines
//!
//! You will see that a read on an idle connection waits without limit, that a timeout does not
//! change the connection, that one byte now and then defeats a timeout but not a deadline, that
//! every call fails once a deadline has passed, what a write waits for, and an answer that arrives
//! after its caller has timed out.
//!
//! New here: the clock.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use socket_workshop::stage::{Flags, Story, must};
use socket_workshop::table::{End, State::*, TimerKind::WindowProbe};
use socket_workshop::{
    command,
    deadline::Deadline,
    listen::Listen,
    peer::{Drip, connected},
};

const LIMIT: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    command::run(|flags: Flags| {
        let listener = Listen::default().on(flags.listen)?;
        let mut story = Story::begin(&flags, listener.local_addr()?)?;
        a_timeout(&mut story, &listener)?;
        a_byte_now_and_then(&mut story, &listener)?;
        pending_and_later_calls(&mut story, &listener)?;
        the_answer_to_another_question(&mut story, &listener)?;
        a_full_window(&mut story, &listener)?;
        story.end()
    })
}

fn a_timeout(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = connected(listener)?;
    story
        .stage("an idle connection")
        .client(end, must(Established).no_timer())
        .server(end, must(Established).no_timer())
        .timers()
        .why(
            "No timer runs at either end. A read waits without limit, even if the cable is pulled.",
        )
        .show()?;

    client.set_read_timeout(Some(LIMIT))?; // SO_RCVTIMEO: applies to each read from now on
    let started = Instant::now();
    let read = client.read(&mut [0]); // EAGAIN, like a non-blocking read; on Windows TimedOut
    let took = started.elapsed();
    story.fails("read", read, ErrorKind::WouldBlock)?;
    story.claim(&format!("It took {took:.0?}."), took >= LIMIT)?;
    server.write_all(b"late")?;
    client.set_read_timeout(Some(10 * LIMIT))?;
    let read = client.read(&mut [0; 16])?;
    story.claim(
        "The timeout did not change the connection: the next read works.",
        read == 4,
    )
}

/// The same slow line, read with a timeout for each call, and with a deadline for all of them.
fn a_byte_now_and_then(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    story.tell("\nNow a peer sends a line of ten bytes, one every 60 ms:")?;
    let timeout = |client: &TcpStream, _| client.set_read_timeout(Some(LIMIT));
    let (line, took, _) = slow_line(listener, timeout, 40)?;
    let text = format!("- a timeout of 100 ms for each read: the whole line, after {took:.0?}");
    story.claim(&text, line == Ok(10) && took > 5 * LIMIT)?;

    let deadline = |client: &TcpStream, started: Instant| {
        // Compute the remaining time before each read. Zero would be refused with InvalidInput.
        let left = LIMIT.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Err(ErrorKind::WouldBlock.into());
        }
        client.set_read_timeout(Some(left))
    };
    let (line, took, [client, _server]) = slow_line(listener, deadline, 40)?;
    let text = format!("- a deadline of 100 ms for the line: timed out, after {took:.0?}");
    story.claim(&text, line == Err(ErrorKind::WouldBlock) && took >= LIMIT)?;
    story
        .stage("the caller has timed out, its peer has not")
        .client(End::of(&client)?, must(Established).recv_q(1..))
        .why("The rest of the line arrived all the same. It waits in Recv-Q for the next read.")
        .show()
}

/// Reads the line: how many bytes or which error, after how long, and the two ends.
fn slow_line(
    listener: &TcpListener,
    before_each_read: impl Fn(&TcpStream, Instant) -> io::Result<()>,
    tries_left: u32,
) -> io::Result<(Result<usize, ErrorKind>, Duration, [TcpStream; 2])> {
    let (mut client, server, _) = connected(listener)?;
    let started = Instant::now();
    let peer = Drip::start(server, b"ten bytes\n", Duration::from_millis(60));
    let mut read = || {
        let (mut byte, mut n) = ([0], 0);
        while byte != *b"\n" {
            before_each_read(&client, started)?;
            client.read_exact(&mut byte)?;
            n += 1;
        }
        Ok(n)
    };
    let line = read().map_err(|error: io::Error| error.kind());
    let took = started.elapsed();
    let (server, longest_pause) = peer.end()?;
    if longest_pause > LIMIT && tries_left > 0 {
        return slow_line(listener, before_each_read, tries_left - 1); // the machine was too busy
    }
    Ok((line, took, [client, server]))
}

/// `Deadline` (`src/deadline.rs`) does the same: before each call it computes what remains.
fn pending_and_later_calls(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    story.tell("\nNow one deadline for reads and writes:")?;
    let (client, mut server, end) = connected(listener)?;
    let started = Instant::now();
    let mut timed = Deadline::after(LIMIT).on(&client);
    let pending = timed.read(&mut [0; 16]);
    let took = started.elapsed();
    story.fails("The read that was pending", pending, ErrorKind::TimedOut)?;
    story.claim(&format!("It took {took:.0?}."), took >= LIMIT)?;
    server.write_all(b"late")?;
    let later = timed.read(&mut [0; 16]);
    let write = timed.write(b"question");
    story
        .stage("4 bytes have arrived after the deadline; the client has called read and write")
        .client(end, must(Established).recv_q(4).send_q(0))
        .server(end, must(Established).recv_q(0))
        .why("Neither call has touched the connection: nothing was read, nothing was sent.")
        .show()?;
    story.fails("A later read", later, ErrorKind::TimedOut)?;
    story.fails("A later write", write, ErrorKind::TimedOut)?;
    timed.renew(100 * LIMIT); // a new deadline
    let read = timed.read(&mut [0; 16])?;
    story.claim(
        "With a new deadline the next read returned 4 bytes.",
        read == 4,
    )
}

fn the_answer_to_another_question(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = connected(listener)?;
    client.set_read_timeout(Some(LIMIT))?;
    client.write_all(b"get a\n")?;
    let timed_out = client.read(&mut [0; 16]);
    client.write_all(b"get b\n")?;
    server.write_all(b"apple\n")?; // the answer to `get a`: late, but it is sent
    story
        .stage("`get a` has timed out, the client has sent `get b`, and an answer has arrived")
        .client(end, must(Established).recv_q(6))
        .server(end, must(Established).recv_q(12))
        .why("The server cannot know that the client no longer waits for its first answer.")
        .show()?;
    story.fails("The first read", timed_out, ErrorKind::WouldBlock)?;
    let mut answer = [0; 6];
    client.read_exact(&mut answer)?;
    let text = "The client reads `apple` as the answer for b. After a timeout, close, or number \
                the calls.";
    story.claim(text, answer == *b"apple\n")
}

fn a_full_window(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, _server, end) = connected(listener)?;
    client.set_write_timeout(Some(LIMIT))?; // SO_SNDTIMEO
    let written = client.write_all(&vec![0; 64 << 20]);
    let blocked = must(Established).send_q(1..).window(0).timer(WindowProbe);
    story
        .stage("the client writes, with a timeout, to a peer that does not read")
        .client(end, blocked)
        .server(end, must(Established).recv_q(1..))
        .timers()
        .why(
            "Both buffers are full. The peer's window is zero, and our kernel asks now and then \
              whether it has opened (`probe`). Without a limit, write waits as long as the peer \
              does.",
        )
        .show()?;
    story.fails("write_all", written, ErrorKind::WouldBlock)?;
    story.tell("The error does not say how much was written: such a connection can only be closed.")
}
