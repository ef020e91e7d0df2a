//! You send a name, then a size, and the receiver gets "a.txt5". One read is not one message. The
//! protocol of this lesson is our own: a client sends a file's name, its size and its content, and
//! the server answers each with OK.
//!
//!     cargo run --example transfer                  plays both ends, stage by stage
//!     cargo run --example transfer -- serve DIR     terminal 1: receives into DIR, until Ctrl-C
//!     cargo run --example transfer -- send FILE     terminal 2: sends a file
//!
//! You will see what goes wrong if your code treats one read as one message. Then you will see the
//! same messages with a length before each, a length that the server refuses, and files that arrive
//! whole or not at all.
//!
//! New here: a length before each message, so that the reader knows where the message ends. This is
//! called framing. All of it is in `src/transfer.rs`.

use std::io::{self, ErrorKind::*, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use std::{fs, thread};

use socket_workshop::deadline::Deadline;
use socket_workshop::folder::{Folder, Temporary};
use socket_workshop::listen::Listen;
use socket_workshop::peer::connected;
use socket_workshop::serve::{Connection, serve};
use socket_workshop::stage::{Flags, Story, gone, must};
use socket_workshop::stop::Stop;
use socket_workshop::table::{End, State::*};
use socket_workshop::threads::{Call, wait_in};
use socket_workshop::transfer::{ANSWER as LONGEST_ANSWER, NAME as LONGEST_NAME};
use socket_workshop::transfer::{play, read_message, receive, send, write_message};

/// How long the lesson's server waits for a client, while you look at a stage. `serve` waits 10 s.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

fn main() -> ExitCode {
    play(both_ends) // or `serve` or `send`, which are in src/transfer/command.rs
}

fn both_ends(flags: &Flags) -> io::Result<()> {
    let listener = Listen::default().on(flags.listen)?;
    let addr = listener.local_addr()?;
    let mut story = Story::begin(flags, addr)?;
    one_read_is_a_message(&mut story, &listener)?;
    a_length_before_each(&mut story, &listener)?;
    let stop = Stop::new()?;
    let temporary = Temporary::new()?.also_at_ctrl_c()?; // removed at the end, and at Ctrl-C
    let folder = Folder::open(temporary.path())?;
    let replace = false; // a file that is there already stays as it is
    let receive_one = |client: &Connection| {
        receive(client, &folder, replace, PATIENCE)?;
        Ok(())
    };
    thread::scope(|scope| {
        let server = scope.spawn(|| serve(listener, &stop, 10, receive_one));
        let told = whole_or_not_at_all(&mut story, addr, temporary.path());
        stop.request();
        let served = server.join().expect("it returns its errors");
        told.and(served.map(drop))
    })?;
    story.end()
}

/// How code is often written at first: it treats one read as one message.
fn one_read_is_a_message(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = connected(listener)?;
    let mut buf = [0; 1024];
    client.write_all(b"a.txt")?;
    client.write_all(b"5")?; // does not wait for the OK
    story
        .stage("the client has written two messages: the name `a.txt`, and the size `5`")
        .pair(end, Established, must(Established).recv_q(6))
        .why("The kernel keeps the bytes in order. It does not keep where a write ended.")
        .show()?;

    let n = server.read(&mut buf)?;
    let both = buf[..n].to_vec();
    client.write_all(b"b.t")?; // a part of the name `b.txt`: a segment may end anywhere
    let n = server.read(&mut buf)?;
    let name = buf[..n].to_vec();
    server.write_all(b"OK")?;
    client.write_all(b"xt")?;
    let n = server.peek(&mut buf)?; // what the next read will return: peek leaves it in the socket
    let size = buf[..n].to_vec();
    story
        .stage("a name has come in two pieces; the server has answered OK to the first")
        .pair(end, Established, must(Established).recv_q(2))
        .asks("Each message is answered OK before the next. Is one read one message?")
        .why(
            "A client that waits for each OK never has two messages under way. So one read cannot \
             return two. It can still return a part of one.",
        )
        .claim(
            "Without waiting, one read returned two messages: a file called `a.txt5`.",
            both == b"a.txt5",
        )
        .claim(
            "With waiting, the file is called `b.t`, and its size is `xt`.",
            name == b"b.t" && size == b"xt",
        )
        .show()
}

/// A message is a length in 4 bytes, the most significant byte first (big-endian), then that many
/// bytes. Reads the first one call by call.
fn a_length_before_each(story: &mut Story, listener: &TcpListener) -> io::Result<()> {
    let (mut client, mut server, end) = connected(listener)?;
    client.write_all(b"\0\0\0\x05b.t")?;
    let mut length = [0; 4];
    server.read_exact(&mut length)?; // reads until it has all 4 bytes
    let length = u32::from_be_bytes(length) as usize;
    if length > LONGEST_NAME {
        return Err(InvalidData.into()); // before memory is allocated for it
    }
    let mut name = vec![0; length];
    thread::scope(|scope| {
        let reader = scope.spawn(|| server.read_exact(&mut name));
        let waits = wait_in(Call::Read, 1) != Some(false); // None: this machine does not say
        let told = story
            .stage("a length before each message: the server has read 5, and `b.t`")
            .pair(end, Established, must(Established).recv_q(0))
            .claim("The server waits in recv for the other two bytes.", waits)
            .show();
        client.write_all(b"xt\0\0\0\x015")?; // the rest, and the next message
        reader.join().expect("it only reads")?;
        told
    })?;
    story
        .stage("the rest of the name has arrived, and the next message with it")
        .pair(end, Established, must(Established).recv_q(5))
        .why(
            "read_exact reads exactly what it was asked for: the next message stays in the socket.",
        )
        .claim("The name is `b.txt`.", name == b"b.txt")
        .show()?;

    let next = read_message(&server, LONGEST_NAME)?; // length and content, in one call
    client.write_all(&u32::MAX.to_be_bytes())?; // 4 GiB, less one byte
    let timed = Deadline::after(Duration::from_secs(5)).on(&server); // in case it waits for 4 GiB
    let refused = read_message(timed, LONGEST_NAME);
    story
        .stage("the server has read the next message, then a length of almost 4 GiB")
        .pair(end, Established, must(Established).recv_q(0))
        .why("The peer chooses a length. Compare it with a limit before you allocate memory.")
        .claim("The next message is `5`.", next == b"5")
        .fails("Reading a message of that length", refused, InvalidData)
        .show()
}

/// Plays the client by hand, to a server like `transfer serve`.
fn whole_or_not_at_all(story: &mut Story, addr: SocketAddr, folder: &Path) -> io::Result<()> {
    let content: Vec<u8> = (0..1 << 20).map(|at: u32| (at % 251) as u8).collect(); // 1 MiB
    let mut client = TcpStream::connect(addr)?;
    let end = End::of(&client)?;
    write_message(&client, b"a.txt")?;
    let name_answer = read_message(&client, LONGEST_ANSWER)?;
    write_message(&client, &(1_u64 << 20).to_be_bytes())?; // the size: is there room for it?
    let size_answer = read_message(&client, LONGEST_ANSWER)?;
    client.write_all(&content)?; // no length before it: the server knows the size
    story
        .stage("name, OK, size, OK, 1 MiB of content, OK; then the server has closed")
        .pair(end, must(CloseWait).recv_q(7), FinWait2)
        .why("Recv-Q: the last OK, 6 bytes with its length, and the FIN, which counts as one byte.")
        .show()?;
    let content_answer = read_message(&client, LONGEST_ANSWER)?;
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
    write_message(&client, b"b.txt")?;
    read_message(&client, LONGEST_ANSWER)?;
    write_message(&client, &1000_u64.to_be_bytes())?;
    read_message(&client, LONGEST_ANSWER)?;
    client.write_all(&[b'x'; 500])?;
    let count_files = || fs::read_dir(folder).map(Iterator::count);
    let is_temporary = count_files()? == 2 && !folder.join("b.txt").exists(); // beside `a.txt`
    story
        .stage("another client has sent 500 of 1000 bytes")
        .pair(end, Established, must(Established).recv_q(0))
        .claim(
            "The server receives into a temporary file: there is no `b.txt` yet.",
            is_temporary,
        )
        .show()?;

    drop(client);
    story
        .stage("the client has closed; the server has answered with an error message")
        .pair(end, gone(), gone())
        .why(
            "The server has read end of file before the 1000th byte, and written an error message. \
             No socket of the client's could receive it: the client's kernel responded with a RST.",
        )
        .show()?;
    story.claim("The temporary file is gone.", count_files()? == 1)?;
    story.tell("The server refuses a name that is taken, and one that is not a file name:")?;
    // On Windows the fourth one would lead out of the folder, too.
    for name in ["a.txt", "../b.txt", "/etc/b.txt", r"..\b.txt", ""] {
        let stream = Deadline::after(Duration::from_secs(5)).on(TcpStream::connect(addr)?);
        let answer = match send(stream, name, &b"other"[..], 5) {
            Ok(()) => "OK".to_owned(),
            Err(error) => error.to_string(),
        };
        story.claim(&format!("- {answer}"), answer.starts_with("refused: "))?;
    }
    Ok(())
}
