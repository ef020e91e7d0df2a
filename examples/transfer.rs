//! A protocol of one's own: a file's name, answered OK; its size, answered OK; its content, answered OK.
//!
//!     cargo run --example transfer                  both ends, stage by stage
//!     cargo run --example transfer -- serve DIR     terminal 1: receives files into DIR, until Ctrl-C
//!     cargo run --example transfer -- send FILE     terminal 2: sends one
//!
//! You will see messages go wrong where one is taken to be what one read brings, the same messages with
//! their lengths in front, a length that is not believed, and files that arrive whole or not at all. New
//! since `proxy`: bytes that mean something. The protocol, in full, is src/transfer.rs.

use std::io::{self, ErrorKind::*, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::{fs, path::Path, process::ExitCode, thread, time::Duration};

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
    let (stop, temporary) = (Stop::new()?, Temporary::new()?.also_at_ctrl_c()?);
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

/// As it is often written at first: a message is what one read brings.
fn one_read_is_a_message(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = connected(listener)?;
    let mut buf = [0; 1024];
    client.write_all(b"a.txt")?;
    client.write_all(b"5")?; // without waiting for the OK
    story
        .stage("the sender has written two messages: the name `a.txt`, and the size `5`")
        .server(end, must(Established).recv_q(6))
        .why("The kernel keeps the bytes in their order. Where a write ended it does not keep.")
        .show()?;
    let n = server.read(&mut buf)?;
    let both = buf[..n] == *b"a.txt5";
    story.claim("One read brings both: the file is called `a.txt5`.", both)?;
    client.write_all(b"b.t")?; // a part of a message: a segment may end anywhere in it
    let n = server.read(&mut buf)?;
    server.write_all(b"OK")?;
    client.write_all(b"xt")?;
    story
        .stage("one message has come in two pieces; the first was read, and answered OK")
        .server(end, must(Established).recv_q(2))
        .why("To wait for each OK keeps messages apart. It does not keep one of them together.")
        .show()?;
    let rest = server.read(&mut buf[n..])?;
    let cut = n == 3 && buf[..n + rest] == *b"b.txt";
    story.claim("The file is called `b.t`, and its size is `xt`.", cut)
}

/// A length in 4 bytes, the highest first, then so many bytes: reading it, call by call.
fn framed(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = connected(listener)?;
    client.write_all(b"\0\0\0\x05b.t")?;
    let mut length = [0; 4];
    server.read_exact(&mut length)?; // in as many reads as it takes
    let length = u32::from_be_bytes(length) as usize;
    if length > NAME {
        return Err(InvalidData.into()); // a stranger's number: compared before memory is set aside for it
    }
    let mut name = vec![0; length];
    thread::scope(|scope| {
        let reader = scope.spawn(|| server.read_exact(&mut name));
        let waits = wait_in(Call::Read, 1) != Some(false);
        let told = story
            .stage("framed: the length has been read, 5, and three bytes of the name")
            .pair(end, Established, must(Established).recv_q(0))
            .show();
        client.write_all(b"xt\0\0\0\x015")?; // and the next message
        reader.join().expect("it only reads").and(told)?;
        story.claim("It waits in recv for the other two.", waits)
    })?;
    story
        .stage("the rest of the name has come, and the next message with it")
        .server(end, must(Established).recv_q(5))
        .why("read_exact takes no more than it was asked for: what is the next message's stays.")
        .show()?;
    let both = name == b"b.txt" && read_message(&server, NAME)? == b"5"; // the same in one call
    story.claim("The name is `b.txt`, and the next message is `5`.", both)?;
    client.write_all(&u32::MAX.to_be_bytes())?;
    let claimed = read_message(Deadline::after(Duration::from_secs(5)).on(&server), NAME);
    story.fails("Reading one that is to have 4 GiB", claimed, InvalidData)
}

/// The sender's part by hand, to a server as `transfer serve` is one.
fn whole_or_not_at_all(story: &mut Story, addr: SocketAddr, folder: &Path) -> io::Result<()> {
    let content: Vec<u8> = (0..1 << 20).map(|at: u32| (at % 251) as u8).collect();
    let (mut client, mut ok) = (TcpStream::connect(addr)?, true);
    let end = End::of(&client)?;
    write_message(&client, b"a.txt")?;
    ok &= read_message(&client, ANSWER)? == b"OK";
    write_message(&client, &(1_u64 << 20).to_be_bytes())?; // the disk may have no room for it
    ok &= read_message(&client, ANSWER)? == b"OK";
    client.write_all(&content)?; // without a length in front: it has been said
    story
        .stage("name, OK, size, OK, content of 1 MiB; the third OK has come, and the server's FIN")
        .pair(end, must(CloseWait).recv_q(4 + 2 + 1), FinWait2)
        .why("In Recv-Q are a length, OK, and the FIN, which counts for one.")
        .show()?;
    ok &= read_message(&client, ANSWER)? == b"OK" && fs::read(folder.join("a.txt"))? == content;
    story.claim("The file is there, byte for byte. Others are not:", ok)?;
    for name in ["a.txt", "../b.txt", "/etc/b.txt", r"..\b.txt", ""] {
        let stream = Deadline::after(Duration::from_secs(5)).on(TcpStream::connect(addr)?);
        let sent = send(stream, name, &b"other"[..], 5);
        let refused = sent.err().map_or(String::new(), |error| error.to_string());
        story.claim(&format!("- {refused}"), refused.starts_with("refused: "))?;
    }
    client = TcpStream::connect(addr)?; // closes the one before
    let end = End::of(&client)?;
    for message in [&b"b.txt"[..], &1000_u64.to_be_bytes()] {
        write_message(&client, message)?;
        read_message(&client, ANSWER)?;
    }
    client.write_all(&[b'x'; 500])?;
    let files = || fs::read_dir(folder).map(Iterator::count);
    let arriving = files()? == 2 && !folder.join("b.txt").exists();
    story
        .stage("another sender has sent 500 bytes of 1000")
        .pair(end, Established, must(Established).recv_q(0))
        .show()?;
    story.claim("A file is open for them, and not under its name.", arriving)?;
    drop(client);
    story
        .stage("it has ended; what the server then said was answered with RST, for nobody reads it")
        .pair(end, gone(), gone())
        .show()?;
    story.claim("Nothing is left of the file.", files()? == 1)
}
