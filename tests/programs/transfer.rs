//! The program `transfer`: files of any size through its server and its sender, and senders that do
//! not keep to the protocol.

#![cfg(target_os = "linux")]

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{ChildStdout, Output, Stdio},
    thread,
    time::Duration,
};

use crate::common::{PATIENCE, Program, lesson, read_until, run};
use socket_workshop::{
    deadline::Deadline,
    folder::Temporary,
    table::{End, Kernel},
    transfer::{ANSWER, NAME, read_message, write_message},
};

struct Server {
    program: Program,
    addr: SocketAddr,
    said: BufReader<ChildStdout>,
    folder: Temporary,
}

fn server(arguments: &[&str]) -> Server {
    let folder = Temporary::new().unwrap();
    let mut command = lesson("transfer");
    command.arg("serve").arg(folder.path());
    let command = command.args(["--listen", "127.0.0.1:0"]).args(arguments);
    let (program, addr, said) = Program::serve(command);
    Server {
        program,
        addr,
        said,
        folder,
    }
}

impl Server {
    fn sent(&self, file: &Path, arguments: &[&str]) -> Output {
        let mut command = lesson("transfer");
        command.arg("send").arg(file).args(arguments);
        run(command.args(["--to", &self.addr.to_string()]), "")
    }

    /// A sender whose name and size have been accepted.
    fn promised(&self, name: &str, size: u64) -> TcpStream {
        let client = TcpStream::connect(self.addr).unwrap();
        for message in [name.as_bytes(), &size.to_be_bytes()] {
            write_message(&client, message).unwrap();
            assert_eq!(answer(&client), "OK");
        }
        client
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder.path()).unwrap();
        names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    /// The most memory that the server has had at any time, resident, in KiB (proc(5), VmHWM).
    fn most_memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.program.child.id());
        let status = fs::read_to_string(path).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.unwrap().split_whitespace().next().unwrap();
        number.parse().unwrap()
    }
}

fn answer(client: &TcpStream) -> String {
    let answer = read_message(Deadline::after(PATIENCE).on(client), ANSWER).unwrap();
    String::from_utf8(answer).unwrap()
}

/// Bytes that repeat only after a prime number of them: no piece is like the next.
fn bytes(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at % 65_521 % 251) as u8).collect()
}

fn here(content: &[u8]) -> (Temporary, PathBuf) {
    let folder = Temporary::new().unwrap();
    let path = folder.path().join("a file");
    fs::write(&path, content).unwrap();
    (folder, path)
}

#[test]
fn files_arrive_byte_for_byte_and_the_server_needs_no_more_memory_for_a_large_one() {
    let mut server = server(&[]);
    for size in [0, 1, 70_000, 40_000_000] {
        let (_folder, path) = here(&bytes(size));
        let name = format!("{size} bytes");
        let output = server.sent(&path, &["--as", &name]);
        let said = String::from_utf8(output.stdout).unwrap();
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{complaint}");
        assert!(
            said.starts_with(&format!("sent {name:?}, {size} bytes, in ")),
            "{said}"
        );
        assert!(
            fs::read(server.path(&name)).unwrap() == bytes(size),
            "{name}"
        );
        let mut line = String::new();
        server.said.read_line(&mut line).unwrap();
        assert_eq!(line, format!("received {name:?}, {size} bytes\n"));
    }
    let memory = server.most_memory();
    assert!(memory < 16 << 10, "{memory} KiB");
    server.program.interrupt();
    assert!(server.program.wait().success());
    let mut totals = String::new();
    server.said.read_to_string(&mut totals).unwrap();
    assert_eq!(totals, "4 connections (0 failed)\n");
}

#[test]
fn a_file_has_its_own_name_unless_it_is_given_another() {
    let server = server(&[]);
    let (_folder, path) = here(b"x");
    assert!(server.sent(&path, &[]).status.success());
    assert_eq!(server.names(), ["a file"]);
}

#[test]
fn what_is_no_name_is_one_line_at_the_sender() {
    let server = server(&[]);
    let (_folder, path) = here(b"x");
    let long = "x".repeat(300);
    for name in [
        "../x",
        "/etc/x",
        "a\\b",
        "",
        "..",
        "a/b",
        ".incoming-1-0",
        &long,
    ] {
        let output = server.sent(&path, &["--as", name]);
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
        let begin = format!(
            "transfer: cannot send {name:?} to {}: refused: ",
            server.addr
        );
        assert!(complaint.starts_with(&begin), "{complaint}");
        assert_eq!(output.stdout, b"");
    }
    assert_eq!(server.names(), [""; 0]);
}

#[test]
fn what_cannot_be_sent_is_one_line_too() {
    let server = server(&[]);
    let folder = server.folder.path();
    for (path, why) in [
        (folder, "not a plain file"),
        (&folder.join("not there"), "No such file"),
        (Path::new("/"), "has no name to send"),
    ] {
        let output = server.sent(path, &[]);
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
        assert!(complaint.contains(why), "{complaint}");
    }
}

#[test]
fn a_file_that_is_there_is_kept_unless_it_is_to_be_replaced() {
    let (_folder, path) = here(b"new");
    let server = |arguments: &[&str]| {
        let server = server(arguments);
        fs::write(server.path("a file"), "old").unwrap();
        server
    };
    let keeps = server(&[]);
    let output = keeps.sent(&path, &[]);
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        complaint.contains("there is one of this name"),
        "{complaint}"
    );
    assert_eq!(fs::read(keeps.path("a file")).unwrap(), b"old");
    let replaces = server(&["--replace"]);
    assert!(replaces.sent(&path, &[]).status.success());
    assert_eq!(fs::read(replaces.path("a file")).unwrap(), b"new");
    assert_eq!(replaces.names(), ["a file"]);
}

#[test]
fn of_two_who_send_the_same_name_at_once_one_is_kept_whole() {
    let server = server(&[]);
    let clients = [b'a', b'b'].map(|byte| (server.promised("x", 2), byte));
    let answers = clients.map(|(mut client, byte)| {
        client.write_all(&[byte; 2]).unwrap();
        answer(&client)
    });
    assert_eq!(answers[0], "OK");
    assert!(answers[1].contains("File exists"), "{}", answers[1]);
    assert_eq!(fs::read(server.path("x")).unwrap(), b"aa");
    assert_eq!(server.names(), ["x"]);
}

/// Waits until the server has nothing in its folder.
fn becomes_empty(server: &Server) {
    let empty = || Ok(server.names().is_empty().then_some(()));
    let empty = Deadline::after(PATIENCE).wait_for(empty).unwrap();
    assert!(empty.is_some(), "{:?}", server.names());
}

/// The sender is the real one, and between it and the server stands a relay that stops: so it is
/// certain to be killed in the middle.
#[test]
fn a_sender_that_is_killed_in_the_middle_leaves_nothing() {
    let server = server(&[]);
    let folder = Temporary::new().unwrap();
    let path = folder.path().join("large");
    let file = File::create(&path).unwrap();
    file.set_len(64 << 20).unwrap(); // more than all buffers between them hold
    let relay = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = relay.local_addr().unwrap().to_string();
    let mut command = lesson("transfer");
    let mut sender = Program::start(command.arg("send").arg(&path).args(["--to", &to]));
    let (from, _) = relay.accept().unwrap();
    let mut to = TcpStream::connect(server.addr).unwrap();
    let mut from = Deadline::after(PATIENCE).on(from);
    for limit in [NAME, 8] {
        let message = read_message(&mut from, limit).unwrap();
        write_message(&to, &message).unwrap();
        write_message(&mut from, answer(&to).as_bytes()).unwrap();
    }
    let mut piece = vec![0; 100_000];
    from.read_exact(&mut piece).unwrap();
    to.write_all(&piece).unwrap();
    let arrives = || {
        let files = server.names();
        let lengths = files.iter().map(|name| fs::metadata(server.path(name)));
        let any = lengths.flatten().any(|file| file.len() > 0);
        Ok(any.then_some(()))
    };
    let arrives = Deadline::after(PATIENCE).wait_for(arrives).unwrap();
    assert!(arrives.is_some() && !server.path("large").exists());
    sender.child.kill().unwrap();
    sender.wait();
    drop((from, to));
    becomes_empty(&server);
}

#[test]
fn a_sender_that_takes_longer_than_a_second_says_how_far_it_has_come() {
    let folder = Temporary::new().unwrap();
    let path = folder.path().join("large");
    let file = File::create(&path).unwrap();
    file.set_len(64 << 20).unwrap(); // more than the buffers between them hold
    let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = receiver.local_addr().unwrap().to_string();
    let output = thread::scope(|scope| {
        scope.spawn(|| {
            let mut from = Deadline::after(PATIENCE).on(receiver.accept().unwrap().0);
            for limit in [NAME, 8] {
                read_message(&mut from, limit).unwrap();
                write_message(&mut from, b"OK").unwrap();
            }
            // Its length is the subject: a slow receiver.
            thread::sleep(Duration::from_millis(1100));
            io::copy(&mut (&mut from).take(64 << 20), &mut io::sink()).unwrap();
            write_message(&mut from, b"OK").unwrap();
        });
        let mut command = lesson("transfer");
        run(command.arg("send").arg(&path).args(["--to", &to]), "")
    });
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(said.contains(" % of 67108864 bytes\n"), "{said}");
}

#[test]
fn lengths_that_are_not_kept_to_are_refused_at_once_and_cost_no_memory() {
    let server = server(&[]);
    let before = server.most_memory();
    for (length, limit) in [(u32::MAX, 255), (256, 255)] {
        let mut client = TcpStream::connect(server.addr).unwrap();
        client.write_all(&length.to_be_bytes()).unwrap();
        let refused = answer(&client);
        let why = format!("no name: a message of {length} bytes, where {limit} are the limit");
        assert_eq!(refused, why);
    }
    for size in [u64::MAX, 1 << 60] {
        let client = TcpStream::connect(server.addr).unwrap();
        write_message(&client, b"large").unwrap();
        assert_eq!(answer(&client), "OK");
        write_message(&client, &size.to_be_bytes()).unwrap();
        let refused = answer(&client);
        assert!(
            refused.starts_with(&format!("no room for {size} bytes: ")),
            "{refused}"
        );
    }
    let memory = server.most_memory() - before;
    assert!(memory < 4 << 10, "{memory} KiB");
    becomes_empty(&server);
}

#[test]
fn senders_are_served_beside_others_that_are_silent_or_slow() {
    let server = server(&[]);
    let silent: Vec<TcpStream> = (0..20)
        .map(|_| TcpStream::connect(server.addr).unwrap())
        .collect();
    let mut slow = server.promised("slow", 2);
    slow.write_all(b"s").unwrap();
    let (_folder, path) = here(&bytes(70_000));
    thread::scope(|scope| {
        for name in ["a", "b", "c", "d"] {
            let (server, path) = (&server, &path);
            scope.spawn(move || assert!(server.sent(path, &["--as", name]).status.success()));
        }
    });
    slow.write_all(b"l").unwrap();
    assert_eq!(answer(&slow), "OK");
    assert_eq!(fs::read(server.path("slow")).unwrap(), b"sl");
    for name in ["a", "b", "c", "d"] {
        assert!(
            fs::read(server.path(name)).unwrap() == bytes(70_000),
            "{name}"
        );
    }
    drop(silent);
}

#[test]
fn ctrl_c_ends_the_server_and_leaves_no_part_of_a_file() {
    let mut server = server(&[]);
    let mut client = server.promised("cut", 1000);
    client.write_all(b"part").unwrap();
    let servers_end = End::of(&client).unwrap().other();
    let mut kernel = Kernel::open().unwrap();
    let taken = || {
        let table = kernel.table()?;
        Ok(table
            .find(servers_end)
            .filter(|row| row.recv_q == 0)
            .map(drop))
    };
    assert!(Deadline::after(PATIENCE).wait_for(taken).unwrap().is_some());
    server.program.interrupt();
    assert!(server.program.wait().success());
    assert_eq!(server.names(), [""; 0]);
}

#[test]
fn what_cannot_be_served_is_one_line() {
    let folder = Temporary::new().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let busy = listener.local_addr().unwrap().to_string();
    let file = folder.path().join("file");
    File::create(&file).unwrap();
    for (path, listen, why) in [
        (folder.path(), &*busy, "in use"),
        (&file, "127.0.0.1:0", "cannot use the folder"),
        (
            &folder.path().join("x"),
            "127.0.0.1:0",
            "cannot use the folder",
        ),
    ] {
        let mut command = lesson("transfer");
        command.arg("serve").arg(path).args(["--listen", listen]);
        let output = run(&mut command, "");
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
        assert!(complaint.contains(why), "{complaint}");
    }
}

#[test]
fn ctrl_c_in_the_lesson_leaves_no_folder() {
    let folder = Temporary::new().unwrap();
    let mut command = lesson("transfer");
    command.args(["--step", "--listen", "127.0.0.1:0"]);
    command.env("TMPDIR", folder.path()).stdin(Stdio::piped());
    let mut program = Program::start(command.stdout(Stdio::piped()));
    let folders = || fs::read_dir(folder.path()).unwrap().count();
    let (mut told, mut text) = (program.child.stdout.take().unwrap(), String::new());
    while read_until(&mut told, &mut text, "[Enter] ") && folders() == 0 {
        program.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
        text.clear();
    }
    assert_eq!(folders(), 1);
    program.interrupt();
    assert_eq!(program.wait().code(), Some(130));
    assert_eq!(folders(), 0);
}
