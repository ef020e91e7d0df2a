//! A stream of bytes and its end: what one end writes, the other reads, but not in the same pieces.
//!
//!     cargo run --example echo              both ends, stage by stage
//!     cargo run --example echo -- serve     terminal 1: a server for real clients, until Ctrl-C
//!     nc 127.0.0.1 8330                     terminal 2: type lines; Ctrl-D ends them
//!
//! You will see three writes become two reads, the end of file behind the data, a client that has
//! closed its sending half and is still answered, and CLOSE_WAIT for as long as the server likes.
//! New since `dialer`: what goes over a connection, and half of it ending before the other half.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::ExitCode;

use socket_workshop::stage::{Flags, Story, must, play};
use socket_workshop::table::{End, State::*};
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

/// Sends every byte back, to the end of file. Returns how many there were, and in how many reads.
fn echo(mut stream: impl Read + Write) -> io::Result<(usize, usize)> {
    let mut buf = [0; 8];
    let (mut total, mut reads) = (0, 0);
    loop {
        let n = stream.read(&mut buf)?; // what has come, 1 to 8 bytes; it waits only if there is none
        if n == 0 {
            return Ok((total, reads)); // end of file: the peer's FIN, and nothing in front of it any more
        }
        stream.write_all(&buf[..n])?; // not `&buf`: behind n it holds an earlier read's bytes
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
        .why("Three writes, and one row of bytes at the server (Recv-Q): nothing marks where one ended.")
        .show()?;

    client.shutdown(Shutdown::Write)?;
    story
        .stage("the client has shut down its sending half")
        .pair(end, FinWait2, must(CloseWait).recv_q(14))
        .why("The FIN stands behind the data, and counts for one: Recv-Q is 14. A read still gets the \
              data first; and the server may send for as long as it likes.")
        .show()?;

    let echoed = echo(&server)?;
    story
        .stage("the server has read to the end of file, and sent everything back")
        .pair(end, must(FinWait2).recv_q(13), must(CloseWait).recv_q(0))
        .why("CLOSE_WAIT: the peer has closed, the local program has not. It lasts until the program \
              does: rows that stay in CLOSE_WAIT are a leak in it, never the network's fault.")
        .show()?;
    story.claim("13 bytes in two reads; a third gave 0.", echoed == (13, 2))?;

    drop(server);
    story
        .stage("the server has closed")
        .expect("client", end, TimeWait)
        .why("Both FINs have passed. The client's went first: it has the TIME_WAIT.")
        .show()?;
    let mut answer = String::new();
    client.read_to_string(&mut answer)?; // to the server's end of file
    story.claim(
        "The client reads its answer only now: `one two three`.",
        answer == "one two three",
    )?;

    a_part_of_what_was_to_be_written(&mut story, &listener)?;
    story.end()
}

fn a_part_of_what_was_to_be_written(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, _server, end) = connected(listener)?;
    client.set_nonblocking(true)?; // so that a write takes what fits, and returns
    let large = vec![b'x'; 64 << 20];
    let taken = client.write(&large)?;
    story
        .stage("64 MiB to write, non-blocking, to a server that does not read")
        .client(end, must(Established).send_q(1..))
        .server(end, must(Established).recv_q(1..))
        .why(
            "What fits into both kernels' buffers is taken. The rest is the program's to write \
              again: `write` says how much it took; on a blocking socket `write_all` repeats it.",
        )
        .show()?;
    let text = format!("write took {taken} bytes of {}.", large.len());
    story.claim(&text, taken < large.len())
}
