//! You send a name, then a size, and the receiver gets "a.txt5". One read is not one message. This
//! is a private protocol: a file's name, its size and its content, each answered with OK.
//!
//!     cargo run --example transfer                  plays both ends, stage by stage
//!     cargo run --example transfer -- serve DIR     terminal 1: receives into DIR, until Ctrl-C
//!     cargo run --example transfer -- send FILE     terminal 2: sends a file
//!
//! You will see what goes wrong if your code treats one read as one message, the same messages
//! with a length before each, a length that the receiver refuses, and files that arrive whole or
//! not at all.
//!
//! New here: bytes with a meaning (a protocol). The whole protocol is in src/transfer.rs.

use std::io::{self, ErrorKind::*, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use std::{fs, thread};

use socket_workshop::folder::{Folder, Temporary};
use socket_workshop::serve::{Connection, serve};
use socket_workshop::stage::{Flags, Story, gone, must};
use socket_workshop::table::{End, State::*};
use socket_workshop::threads::{Call, wait_in};
use socket_workshop::transfer::{ANSWER, NAME, play, read_message, receive, send, write_message};
use socket_workshop::{deadline::Deadline, listen::Listen, peer::connected, stop::Stop};

fn main() -> ExitCode {
    play(both_ends)
}

fn both_ends(flags: &Flags) -> io::Result<()> {
    let listener = Listen::default().on(flags.listen)?;
    let addr = listener.local_addr()?;
    let mut story = Story::begin(flags, addr)?;
    one_read_is_a_message(&mut story, &listener)?;
    framed(&mut story, &listener)?;
    let stop = Stop::new()?;
    let temporary = Temporary::new()?.also_at_ctrl_c()?;
    let folder = Folder::open(temporary.path())?;
    let receiver = |sender: &Connection| receive(sender, &folder, false).map(drop);
    thread::scope(|scope| {
        scope.spawn(|| serve(listener, &stop, 10, receiver));
        let told = whole_or_not_at_all(&mut story, addr, temporary.path());
        stop.request();
        told
    })?;
    story.end()
}

/// How it is often written at first: one read is one message.
fn one_read_is_a_message(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = connected(listener)?;
    let mut buf = [0; 1024];
    client.write_all(b"a.txt")?;
    client.write_all(b"5")?; // does not wait for the OK
    story
        .stage("the sender has written two messages: the name `a.txt`, and the size `5`")
        .server(end, must(Established).recv_q(6))
        .why("The kernel keeps the bytes in order. It does not keep where a write ended.")
        .show()?;
    let n = server.read(&mut buf)?;
    let both = buf[..n] == *b"a.txt5";
    client.write_all(b"b.t")?; // a part of a message: a segment may end anywhere
    let n = server.read(&mut buf)?;
    server.write_all(b"OK")?;
    client.write_all(b"xt")?;
    let first = buf[..n].to_vec();
    let n = server.peek(&mut buf)?; // reads, and leaves the bytes in the socket
    let second = &buf[..n];
    story
        .stage("a name came in two pieces; the server read the first and answered OK")
        .server(end, must(Established).recv_q(2))
        .asks("Each message is answered OK before the next. Is one read one message?")
        .why("Waiting for each OK separates messages. It does not hold one message together.")
        .claim(
            "The read before this one returned two messages: a file called `a.txt5`.",
            both,
        )
        .claim(
            "Now the file is called `b.t`, and its size is `xt`.",
            first == b"b.t" && second == b"xt",
        )
        .show()
}

/// A length in 4 bytes, the highest first, then that many bytes. Reads them call by call.
fn framed(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = connected(listener)?;
    client.write_all(b"\0\0\0\x05b.t")?;
    let mut length = [0; 4];
    server.read_exact(&mut length)?; // as many reads as it needs
    let length = u32::from_be_bytes(length) as usize;
    if length > NAME {
        return Err(InvalidData.into()); // the peer's number: compare it before you allocate memory
    }
    let mut name = vec![0; length];
    thread::scope(|scope| {
        let reader = scope.spawn(|| server.read_exact(&mut name));
        let waits = wait_in(Call::Read, 1) != Some(false);
        let told = story
            .stage("framed: the server has read the length, 5, and three bytes of the name")
            .pair(end, Established, must(Established).recv_q(0))
            .claim("The server waits in recv for the other two bytes.", waits)
            .show();
        client.write_all(b"xt\0\0\0\x015")?; // and the next message: ends the thread's read
        reader.join().expect("it only reads")?;
        told
    })?;
    story
        .stage("the rest of the name has arrived, and the next message with it")
        .server(end, must(Established).recv_q(5))
        .why(
            "read_exact reads exactly what it was asked for: the next message stays in the socket.",
        )
        .claim("The name is `b.txt`.", name == b"b.txt")
        .show()?;

    let next = read_message(&server, NAME)?; // length and content, in one call
    client.write_all(&u32::MAX.to_be_bytes())?;
    let claimed = read_message(Deadline::after(Duration::from_secs(5)).on(&server), NAME);
    story
        .stage("the server has read that message, and a length of 4 GiB")
        .server(end, must(Established).recv_q(0))
        .why("A length is a number that the peer has chosen. Compare it with a limit first.")
        .claim("The next message is `5`.", next == b"5")
        .fails("Reading a message that claims 4 GiB", claimed, InvalidData)
        .show()
}

/// Plays the sender by hand, to a server like `transfer serve`.
fn whole_or_not_at_all(story: &mut Story, addr: SocketAddr, folder: &Path) -> io::Result<()> {
    let content: Vec<u8> = (0..1 << 20).map(|at: u32| (at % 251) as u8).collect();
    let mut client = TcpStream::connect(addr)?;
    let end = End::of(&client)?;
    write_message(&client, b"a.txt")?;
    let name_answer = read_message(&client, ANSWER)?;
    write_message(&client, &(1_u64 << 20).to_be_bytes())?; // the size: the disk may not have room
    let size_answer = read_message(&client, ANSWER)?;
    client.write_all(&content)?; // no length before it: the size is known
    story
        .stage("name, OK, size, OK, 1 MiB of content, OK; then the server has closed")
        .pair(end, must(CloseWait).recv_q(7), FinWait2)
        .why("Recv-Q: the last OK, 6 bytes with its length, and the FIN, which counts as one byte.")
        .show()?;
    let content_answer = read_message(&client, ANSWER)?;
    story.claim(
        "Each of the three answers is OK.",
        [name_answer, size_answer, content_answer] == [b"OK", b"OK", b"OK"],
    )?;
    story.claim(
        "The file has arrived, byte for byte.",
        fs::read(folder.join("a.txt"))? == content,
    )?;

    drop(client);
    let mut client = TcpStream::connect(addr)?;
    let end = End::of(&client)?;
    for message in [&b"b.txt"[..], &1000_u64.to_be_bytes()] {
        write_message(&client, message)?;
        read_message(&client, ANSWER)?;
    }
    client.write_all(&[b'x'; 500])?;
    let files = || fs::read_dir(folder).map(Iterator::count);
    let arriving = files()? == 2 && !folder.join("b.txt").exists();
    story
        .stage("another sender has sent 500 of 1000 bytes")
        .pair(end, Established, must(Established).recv_q(0))
        .claim(
            "The server writes them to a temporary file, not under the final name.",
            arriving,
        )
        .show()?;
    drop(client);
    story
        .stage("the sender has closed; the server's error message was answered with a RST")
        .pair(end, gone(), gone())
        .show()?;
    story.claim("The temporary file is gone.", files()? == 1)?;
    story.tell("The server refuses a name that is taken, and one that is not a file name:")?;
    for name in ["a.txt", "../b.txt", "/etc/b.txt", r"..\b.txt", ""] {
        let stream = Deadline::after(Duration::from_secs(5)).on(TcpStream::connect(addr)?);
        let sent = send(stream, name, &b"other"[..], 5);
        let refused = sent.err().map_or(String::new(), |error| error.to_string());
        story.claim(&format!("- {refused}"), refused.starts_with("refused: "))?;
    }
    Ok(())
}
