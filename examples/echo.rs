//! You write three messages and the other end reads them as one, or in two odd pieces. And how does
//! a server know that the client has sent everything? A stream has no messages, but it has an end.
//!
//!     cargo run --example echo              plays both ends, stage by stage
//!     cargo run --example echo -- serve     terminal 1: a server for real clients, until Ctrl-C
//!     nc -N 127.0.0.1 8330                  terminal 2: type lines; Ctrl-D ends them
//!
//! You will see three writes become two reads, and end of file after the data. A client closes its
//! sending half and still gets its answer. CLOSE_WAIT lasts until the server closes. A read waits
//! until the peer closes, and a write takes only a part of what it is given.
//!
//! New here: the bytes of a connection, and one half that ends before the other.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::{process::ExitCode, thread};

use socket_workshop::stage::{Flags, Story, must, play};
use socket_workshop::table::{End, State::*};
use socket_workshop::threads::{Call, wait_in};
use socket_workshop::{listen::Listen, peer::connected, say, serve::serve, stop::Stop};

fn main() -> ExitCode {
    play(both_ends, for_real_clients)
}

/// `serve`: a thread for each connection, at most 1000 at once.
fn for_real_clients(addr: SocketAddr) -> io::Result<()> {
    let listener = Listen::default().on(addr)?;
    say!("listening on {}; Ctrl-C stops", listener.local_addr()?)?;
    let stop = Stop::on_ctrl_c()?;
    serve(listener, &stop, 1000, |connection| {
        echo(connection)?;
        Ok(())
    })?;
    Ok(())
}

/// What a call of [`echo`] has done.
struct Echoed {
    bytes: usize,
    /// How many reads returned data.
    reads: usize,
}

/// Sends every byte back until end of file.
fn echo(mut stream: impl Read + Write) -> io::Result<Echoed> {
    let mut buf = [0; 8];
    let mut echoed = Echoed { bytes: 0, reads: 0 };
    loop {
        let n = stream.read(&mut buf)?; // up to 8 bytes that have arrived; waits if none has
        if n == 0 {
            // End of file: the peer has sent a FIN, and all data before it has been read.
            return Ok(echoed);
        }
        stream.write_all(&buf[..n])?; // not `&buf`: after n it holds bytes of an earlier read
        echoed.bytes += n;
        echoed.reads += 1;
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
        .asks("Three writes: how many reads?")
        .pair(end, Established, must(Established).recv_q(13))
        .why(
            "Three writes, and 13 bytes in a row in the server's receive queue (Recv-Q). The \
             queue keeps no boundaries: a read takes what fits its buffer.",
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
        .stage("the server has read to the end and echoed everything")
        .pair(end, must(FinWait2).recv_q(13), must(CloseWait).recv_q(0))
        .why(
            "CLOSE_WAIT: the peer has sent its FIN, and this end has not sent its own. It lasts \
             until the program closes the socket, or shuts down its sending half. Many rows that \
             stay in CLOSE_WAIT are most often a leak: the program does not close its sockets.",
        )
        .claim(
            "The server's buffer takes 8 bytes: 13 took two reads. The third returned 0.",
            echoed.bytes == 13 && echoed.reads == 2,
        )
        .show()?;

    drop(server);
    let mut answer = String::new();
    client.read_to_string(&mut answer)?; // until end of file: the server's FIN
    story
        .stage("the server has closed; the client has read the answer")
        .expect("client", end, TimeWait)
        .why("Both FINs have passed. The client sent its FIN first, so the client keeps TIME_WAIT.")
        .claim(
            "The client read `one two three`, then end of file.",
            answer == "one two three",
        )
        .show()?;

    a_read_that_waits(&mut story, &listener)?;
    a_part_of_what_was_to_be_written(&mut story, &listener)?;
    story.end()
}

/// A client waits in read. The server, which has sent nothing, closes.
fn a_read_that_waits(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (client, server, end) = connected(listener)?;
    let mut handle = client.try_clone()?; // for the thread: another descriptor of the same socket
    let reader = thread::spawn(move || handle.read(&mut [0; 8]));
    // Waits until one other thread is blocked in read. None: this machine does not say.
    let was_blocked = wait_in(Call::Read, 1) != Some(false);
    drop(server);
    let read = reader.join().expect("it only reads");
    story
        .stage("another client waited in read; its server has closed")
        .pair(end, CloseWait, FinWait2)
        .why("The FIN ends a read that waits, as it ends the reads that come later.")
        .claim("The client's thread was blocked in read.", was_blocked)
        .claim("Then the read returned 0.", read.is_ok_and(|n| n == 0))
        .show()
}

fn a_part_of_what_was_to_be_written(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, _server, end) = connected(listener)?;
    client.set_nonblocking(true)?; // a write takes what fits now, and returns
    let large = vec![b'x'; 64 << 20];
    let taken = client.write(&large)?;
    story
        .stage("a non-blocking write of 64 MiB; its peer does not read")
        .pair(end, Established, must(Established).recv_q(1..))
        .why(
            "The kernel copies what fits into the send buffer, where bytes wait until they are \
             acknowledged. `write` returns how much. The program must write the rest later. On a \
             blocking socket (the default: calls wait) `write_all` does that.",
        )
        .claim(
            format!("write took {taken} of {} bytes.", large.len()),
            taken < large.len(),
        )
        .show()
}
