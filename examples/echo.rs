//! You write three messages and the other end reads them as one, or in two odd pieces. And how does
//! a server know that the client has sent everything? A stream has no messages, but it has an end.
//!
//!     cargo run --example echo              plays both ends, stage by stage
//!     cargo run --example echo -- serve     terminal 1: a server for real clients, until Ctrl-C
//!     nc 127.0.0.1 8330                     terminal 2: type lines; Ctrl-D ends them
//!
//! You will see three writes become two reads, end of file after the data, a client that has
//! closed its sending half and still gets its answer, CLOSE_WAIT, which lasts until the server
//! closes, and a read that waits until the peer closes.
//!
//! New here: the bytes of a connection, and one half that ends before the other.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::{process::ExitCode, thread};

use socket_workshop::stage::{Flags, Story, must, play};
use socket_workshop::table::{End, State::*};
use socket_workshop::threads::{Call, wait_in};
use socket_workshop::{listen::Listen, peer::connected, say, serve::serve, stop::Stop};

fn main() -> ExitCode {
    play(both_ends, |addr| {
        let listener = Listen::default().on(addr)?;
        say!("listening on {}; Ctrl-C stops", listener.local_addr()?)?;
        serve(listener, &Stop::on_ctrl_c()?, 1000, |connection| {
            echo(connection).map(drop)
        })
        .map(drop)
    })
}

/// Sends every byte back until end of file. Returns how many there were, and in how many reads.
fn echo(mut stream: impl Read + Write) -> io::Result<(usize, usize)> {
    let mut buf = [0; 8];
    let (mut total, mut reads) = (0, 0);
    loop {
        let n = stream.read(&mut buf)?; // what has arrived, 1 to 8 bytes; waits only if nothing has
        if n == 0 {
            // End of file: the peer's FIN, and all data before it is read.
            return Ok((total, reads));
        }
        stream.write_all(&buf[..n])?; // not `&buf`: after n it holds bytes of an earlier read
        total += n;
        reads += 1;
    }
}

fn both_ends(flags: &Flags) -> io::Result<()> {
    let listener = Listen::default().on(flags.listen)?;
    let addr = listener.local_addr()?;
    let mut story = Story::begin(flags, addr)?;
    let mut client = TcpStream::connect(addr)?;
    let end = End::of(&client)?;
    let (server, _) = listener.accept()?;

    for word in ["one ", "two ", "three"] {
        client.write_all(word.as_bytes())?;
    }
    story
        .stage("the client has written `one `, `two ` and `three`")
        .pair(end, Established, must(Established).recv_q(13))
        .why(
            "Three writes, and 13 bytes in a row in the server's receive queue (Recv-Q), with no \
              boundaries.",
        )
        .show()?;

    client.shutdown(Shutdown::Write)?;
    story
        .stage("the client has shut down its sending half")
        .pair(end, FinWait2, must(CloseWait).recv_q(14))
        .why(
            "The FIN comes after the data and counts as one byte: Recv-Q is 14. A read returns \
              the data first. The server may still send for as long as it likes.",
        )
        .show()?;

    let echoed = echo(&server)?;
    story
        .stage("the server has read until end of file, and sent everything back")
        .pair(end, must(FinWait2).recv_q(13), must(CloseWait).recv_q(0))
        .why(
            "CLOSE_WAIT: the peer has closed, the local program has not. It lasts until the \
              program closes the socket. Rows that stay in CLOSE_WAIT are a leak in the program.",
        )
        .show()?;
    story.claim(
        "The server read 13 bytes in two reads; the third read returned 0.",
        echoed == (13, 2),
    )?;

    drop(server);
    story
        .stage("the server has closed")
        .expect("client", end, TimeWait)
        .why("Both FINs have passed. The client sent its FIN first, so the client keeps TIME_WAIT.")
        .show()?;
    let mut answer = String::new();
    client.read_to_string(&mut answer)?; // until the server's end of file
    story.claim(
        "Only now the client reads its answer: `one two three`.",
        answer == "one two three",
    )?;

    a_read_that_waits(&mut story, &listener)?;
    a_part_of_what_was_to_be_written(&mut story, &listener)?;
    story.end()
}

/// The server closes while a client waits in read, and has sent nothing.
fn a_read_that_waits(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, server, end) = connected(listener)?;
    let reader = thread::spawn(move || {
        let read = client.read(&mut [0; 8]);
        (read, client)
    });
    // What /proc says of the thread: blocked in recv. None: this machine does not say.
    let waits = wait_in(Call::Read, 1) != Some(false);
    story.claim("\nAnother client waits in read, on a thread.", waits)?;
    drop(server);
    let (read, _client) = reader.join().expect("it only reads");
    story
        .stage("its server has closed")
        .pair(end, CloseWait, FinWait2)
        .why("The FIN ends a read that waits, as it ends the reads that come later.")
        .show()?;
    story.claim("The read returned 0.", read.is_ok_and(|n| n == 0))
}

fn a_part_of_what_was_to_be_written(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, _server, end) = connected(listener)?;
    client.set_nonblocking(true)?; // a write takes what fits now, and returns
    let large = vec![b'x'; 64 << 20];
    let taken = client.write(&large)?;
    story
        .stage("64 MiB to write, non-blocking, to a server that does not read")
        .pair(end, Established, must(Established).recv_q(1..))
        .why(
            "The kernel takes what the send buffer has room for at that moment. `write` returns \
              how much. The program must write the rest again; on a blocking socket `write_all` \
              does.",
        )
        .show()?;
    let text = format!("write took {taken} bytes of {}.", large.len());
    story.claim(&text, taken < large.len())
}
