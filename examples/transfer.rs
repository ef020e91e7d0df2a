//! A protocol of one's own: a file's name, answered OK; its size, answered OK; its content, answered OK.
//!
//!     cargo run --example transfer                  both ends, stage by stage
//!     cargo run --example transfer -- serve DIR     terminal 1: receives files into DIR, until Ctrl-C
//!     cargo run --example transfer -- send FILE     terminal 2: sends one
//!
//! You will see what becomes of messages if one is what one read brings, the same messages with their
//! lengths in front, a length that is not believed, and files that arrive whole or not at all. New since
//! `proxy`: bytes that mean something. Both commands, and the whole protocol, are src/transfer.rs.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::{fs, path::Path, process::ExitCode, thread, time::Duration};

use socket_workshop::folder::{Folder, Temporary};
use socket_workshop::stage::{Flags, Story, gone, must};
use socket_workshop::table::{End, State::*};
use socket_workshop::threads::{Call, wait_in};
use socket_workshop::transfer::{NAME, play, read_message, receive, send, write_message};
use socket_workshop::{deadline::Deadline, listen, peer::connected, serve::serve, stop::Stop};

fn main() -> ExitCode {
    play(both_ends)
}

fn both_ends(flags: &Flags) -> io::Result<()> {
    let listener = listen::Listen::default().on(flags.listen)?;
    let addr = listener.local_addr()?;
    let mut story = Story::begin(flags, addr)?;
    one_read_is_a_message(&mut story, &listener)?;
    framed(&mut story, &listener)?;
    let (stop, temporary) = (Stop::new()?, Temporary::new()?); // the folder goes with its owner
    let folder = Folder::open(temporary.path())?;
    thread::scope(|scope| {
        scope.spawn(|| {
            serve(listener, &stop, 10, |c| {
                receive(c, &folder, false).map(drop)
            })
        });
        let told = a_file(&mut story, addr, temporary.path());
        let told = told.and_then(|()| half_a_file(&mut story, addr, temporary.path()));
        stop.request();
        told
    })?;
    story.end()
}

/// As it is written at first: a message is what one read brings.
fn one_read_is_a_message(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = connected(listener)?;
    let mut buf = [0; 1024];
    client.write_all(b"a.txt")?;
    client.write_all(b"5")?; // without waiting for the OK
    story
        .stage("the sender has written two messages: the name `a.txt`, and the size `5`")
        .server(end, must(Established).recv_q(6))
        .why("The receiver's kernel keeps bytes in their order. Where a write ended it does not keep.")
        .show()?;
    let n = server.read(&mut buf)?;
    story.claim(
        "One read brings both. The file is called `a.txt5`.",
        buf[..n] == *b"a.txt5",
    )?;

    client.write_all(b"b.t")?;
    let n = server.read(&mut buf)?;
    server.write_all(b"OK")?;
    client.write_all(b"xt")?; // of the same message: a segment may end anywhere in it
    story
        .stage("one message has come in two pieces; the first was read, and answered OK")
        .pair(
            end,
            must(Established).recv_q(2),
            must(Established).recv_q(2),
        )
        .why("To wait for each OK keeps messages apart. It does not keep one of them together.")
        .show()?;
    let size = server.read(&mut buf[n..])?;
    let as_cut = buf[..n + size] == *b"b.txt" && n == 3;
    story.claim("The file is called `b.t`, and its size is `xt`.", as_cut)
}

/// A length in 4 bytes, the highest first, then so many bytes: reading it, call by call.
fn framed(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = connected(listener)?;
    client.write_all(b"\0\0\0\x05b.t")?;
    let mut length = [0; 4];
    server.read_exact(&mut length)?; // as many reads as it takes
    let length = u32::from_be_bytes(length) as usize;
    if length > NAME {
        return Err(ErrorKind::InvalidData.into()); // before any memory is set aside for it
    }
    let mut name = vec![0; length];
    let read = thread::scope(|scope| {
        let reader = scope.spawn(|| server.read_exact(&mut name));
        let waits = wait_in(Call::Read, 1);
        let told = story
            .stage("framed: the length has come, 5, and three bytes of the name; both are read")
            .pair(end, Established, must(Established).recv_q(0))
            .why("The reader knows that two more belong to it, and waits for them in recv.")
            .show();
        client.write_all(b"xt\0\0\0\x015")?; // and the next message behind it
        reader
            .join()
            .expect("it only reads")
            .and(told)
            .and(Ok(waits))
    })?;
    story
        .stage("the rest of the name has come, and the next message with it")
        .server(end, must(Established).recv_q(5))
        .why(
            "What is not this message's has been left in the socket: read_exact takes no more than \
              it was asked for. In a buffer of the reader's own it would have to be kept.",
        )
        .show()?;
    read.map_or(Ok(()), |waits| story.claim("It waited in recv.", waits))?;
    story.claim("The name is `b.txt`.", name == b"b.txt")?;
    story.claim(
        "The next message is `5`.",
        read_message(&server, NAME)? == b"5",
    )?;
    client.write_all(&u32::MAX.to_be_bytes())?;
    let claimed = read_message(&server, NAME);
    story.fails(
        "Reading a message that is to have 4 GiB",
        claimed,
        ErrorKind::InvalidData,
    )?;
    let cut = read_message(&b"\0\0\0\x05b.t"[..], NAME);
    story.fails(
        "Reading one that ends in the middle",
        cut,
        ErrorKind::UnexpectedEof,
    )
}

/// The sender's part by hand, to a server as `transfer serve` is one.
fn a_file(story: &mut Story, addr: SocketAddr, folder: &Path) -> io::Result<()> {
    let content: Vec<u8> = (0..1 << 20).map(|at: u32| (at % 251) as u8).collect();
    let (mut client, mut ok) = (TcpStream::connect(addr)?, true);
    let end = End::of(&client)?;
    write_message(&client, b"a.txt")?;
    ok &= read_message(&client, NAME)? == b"OK";
    write_message(&client, &(content.len() as u64).to_be_bytes())?; // there is room: it may refuse
    ok &= read_message(&client, NAME)? == b"OK";
    client.write_all(&content)?; // needs no frame: how much it is has been said
    story
        .stage("1 MiB is sent: name, OK, size, OK, content; and the third OK has come")
        .pair(end, must(CloseWait).recv_q(4 + 2 + 1), FinWait2)
        .why("Behind the OK stands a FIN: the server has nothing more to say.")
        .show()?;
    ok &= read_message(&client, NAME)? == b"OK" && fs::read(folder.join("a.txt"))? == content;
    story.claim("The file is there, byte for byte.", ok)?;
    for name in ["a.txt", "../b.txt", "/etc/b.txt", r"..\b.txt", ""] {
        let stream = Deadline::after(Duration::from_secs(5)).on(TcpStream::connect(addr)?);
        let sent = send(stream, name, &b"other"[..], 5);
        let refused = sent.err().map_or(String::new(), |error| error.to_string());
        story.claim(&format!("- {refused}"), refused.starts_with("refused: "))?;
    }
    Ok(())
}

fn half_a_file(story: &mut Story, addr: SocketAddr, folder: &Path) -> io::Result<()> {
    let mut client = TcpStream::connect(addr)?;
    let end = End::of(&client)?;
    for message in [&b"b.txt"[..], &1000_u64.to_be_bytes()] {
        write_message(&client, message)?;
        read_message(&client, NAME)?;
    }
    client.write_all(&[b'x'; 500])?;
    let files = || fs::read_dir(folder).map(Iterator::count);
    story
        .stage("another sender has sent 500 bytes of 1000")
        .pair(end, Established, must(Established).recv_q(0))
        .show()?;
    let arriving = files()? == 2 && !folder.join("b.txt").exists();
    story.claim("They are in a file, but not in `b.txt`.", arriving)?;
    drop(client);
    story
        .stage("it has ended, in the middle")
        .pair(end, gone(), gone())
        .why("End of file, 500 bytes too early: the server says so, and an RST tells that nobody reads.")
        .show()?;
    story.claim("Nothing is left of it.", files()? == 1)
}
