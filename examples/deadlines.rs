//! How long to wait: a timeout limits one call, a deadline the whole of what one waits for.
//!
//!     cargo run --example deadlines
//!
//! You will see that an idle connection waits for ever, that a timeout leaves it as it was, that a
//! byte now and then gets past any timeout but not past a deadline, what a write waits for, and an
//! answer that comes after its caller has given up. New since `echo`: the clock.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};
use std::{process::ExitCode, thread};

use socket_workshop::stage::{Flags, Story, must};
use socket_workshop::table::{End, State::*, TimerKind::WindowProbe};
use socket_workshop::{command, listen::Listen};

const LIMIT: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    command::run(|flags: Flags| {
        let listener = Listen::default().on(flags.listen)?;
        let mut story = Story::begin(&flags, listener.local_addr()?)?;
        a_timeout(&mut story, &listener)?;
        a_byte_now_and_then(&mut story, &listener)?;
        the_answer_to_another_question(&mut story, &listener)?;
        a_full_window(&mut story, &listener)?;
        story.end()
    })
}

fn connect(listener: &TcpListener) -> io::Result<(TcpStream, TcpStream, End)> {
    let client = TcpStream::connect(listener.local_addr()?)?;
    let end = End::of(&client)?;
    Ok((client, listener.accept()?.0, end))
}

fn a_timeout(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = connect(listener)?;
    story
        .stage("a connection on which nobody speaks")
        .pair(end, must(Established).no_timer(), must(Established).no_timer())
        .timers()
        .why("No timer runs at either end. A read waits for ever, and would if the cable were pulled.")
        .show()?;

    client.set_read_timeout(Some(LIMIT))?; // SO_RCVTIMEO: for each read from now on
    let started = Instant::now();
    let timed_out = client.read(&mut [0]).map_err(|error| error.kind());
    let elapsed = started.elapsed();
    story
        .stage("the client has read with a timeout of 100 ms")
        .pair(end, Established, Established)
        .why("The connection knows nothing of it: the timeout was the caller's.")
        .show()?;
    // Unix says EAGAIN, as for a non-blocking read; Windows says TimedOut. Programs match both.
    let text = format!("read gave WouldBlock after {elapsed:.0?}.");
    story.claim(
        &text,
        timed_out == Err(ErrorKind::WouldBlock) && elapsed >= LIMIT,
    )?;

    server.write_all(b"late")?;
    client.set_read_timeout(Some(10 * LIMIT))?;
    let read = client.read(&mut [0; 16])?;
    story.claim(
        "With another timeout the same connection reads on: 4 bytes.",
        read == 4,
    )
}

/// The same slow line, read by a timeout for each call and by a deadline for all of them.
fn a_byte_now_and_then(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    story.tell("\nNow a peer that sends a line of ten bytes, one every 60 ms:")?;
    let timeout = |client: &TcpStream, _| client.set_read_timeout(Some(LIMIT));
    let (line, took, _) = slow_line(listener, timeout, 9)?;
    let text = format!("- a timeout of 100 ms for each read: the whole line, after {took:.0?}");
    story.claim(&text, line == Ok(10) && took > 5 * LIMIT)?;

    let deadline = |client: &TcpStream, started: Instant| {
        // What remains is computed anew before each read. Zero would be refused: InvalidInput.
        let remaining = LIMIT
            .checked_sub(started.elapsed())
            .filter(|left| !left.is_zero());
        client.set_read_timeout(Some(remaining.ok_or(ErrorKind::WouldBlock)?))
    };
    let (line, took, [client, _server]) = slow_line(listener, deadline, 9)?;
    let text = format!("- a deadline of 100 ms for the line: given up, after {took:.0?}");
    story.claim(&text, line == Err(ErrorKind::WouldBlock) && took >= LIMIT)?;
    story
        .stage("the caller has given up, its peer has not")
        .pair(
            End::of(&client)?,
            must(Established).recv_q(1..),
            Established,
        )
        .why("The rest of the line came all the same and stands in Recv-Q, for whoever reads next.")
        .show()
}

/// Reads the line: how many bytes or which error, after how long, and the two ends.
fn slow_line(
    listener: &TcpListener,
    before_each_read: impl Fn(&TcpStream, Instant) -> io::Result<()>,
    tries_left: u32,
) -> io::Result<(Result<usize, ErrorKind>, Duration, [TcpStream; 2])> {
    let (mut client, mut server, _) = connect(listener)?;
    let started = Instant::now();
    let peer = thread::spawn(move || {
        let mut slower_than_meant = false;
        for byte in b"ten bytes\n" {
            let paused = Instant::now();
            thread::sleep(Duration::from_millis(60)); // the subject: a peer that is slow, not silent
            slower_than_meant |= paused.elapsed() > LIMIT;
            server.write_all(&[*byte])?;
        }
        Ok::<_, io::Error>((slower_than_meant, server))
    });
    let mut read = || {
        let (mut byte, mut n) = ([0], 0);
        while byte != *b"\n" {
            before_each_read(&client, started)?;
            client.read_exact(&mut byte)?;
            n += 1;
        }
        Ok(n)
    };
    let outcome = read().map_err(|error: io::Error| error.kind());
    let took = started.elapsed();
    let (slower_than_meant, server) = peer.join().expect("the peer does not panic")?;
    if slower_than_meant && tries_left > 0 {
        return slow_line(listener, before_each_read, tries_left - 1); // the machine was too busy
    }
    Ok((outcome, took, [client, server]))
}

fn the_answer_to_another_question(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = connect(listener)?;
    client.set_read_timeout(Some(LIMIT))?;
    client.write_all(b"get a\n")?;
    let timed_out = client.read(&mut [0; 16]).map_err(|error| error.kind());
    client.write_all(b"get b\n")?;
    server.write_all(b"apple\n")?; // the answer to `get a`: late, but sent
    story
        .stage("`get a` has timed out, the client has asked `get b`, and an answer has come")
        .pair(
            end,
            must(Established).recv_q(6),
            must(Established).recv_q(12),
        )
        .why("The server cannot know that the first question is no longer waited for.")
        .show()?;
    let mut answer = [0; 16];
    let n = client.read(&mut answer)?;
    let text = "The client reads `apple` for b. After a timeout: close, or number the calls.";
    story.claim(
        text,
        timed_out == Err(ErrorKind::WouldBlock) && answer[..n] == *b"apple\n",
    )
}

fn a_full_window(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, _server, end) = connect(listener)?;
    client.set_write_timeout(Some(LIMIT))?; // SO_SNDTIMEO
    let written = client
        .write_all(&vec![0; 64 << 20])
        .map_err(|error| error.kind());
    story
        .stage("the client has written, with a timeout, to a peer that does not read")
        .pair(end, must(Established).send_q(1..).timer(WindowProbe), must(Established).recv_q(1..))
        .timers()
        .why("Both kernels are full. The peer's window is zero, and ours asks now and then whether it\n\
              has opened: `probe`. For ever, if nobody sets a limit.")
        .show()?;
    let text =
        "write_all gave WouldBlock, and does not say how much it wrote: close this connection.";
    story.claim(text, written == Err(ErrorKind::WouldBlock))
}
