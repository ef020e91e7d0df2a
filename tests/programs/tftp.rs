//! The program `tftp` against clients that we did not write (curl, tftp-hpa), over a link that
//! loses, and against peers by hand who do what they should not.

mod addresses;
mod limits;
mod whole;

use std::{
    fs,
    io::{ErrorKind, Read},
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
    thread,
    time::Instant,
};

use crate::common::{PATIENCE, Program, again_after_a_stop, installed, lesson, run};
use nix::{sys::stat::Mode, unistd::mkfifo};
use socket_workshop::{
    deadline::Deadline,
    link::{Faults, Link},
    tftp::Packet,
};

/// What needs no block, one, or two.
const SIZES: [usize; 4] = [0, 511, 512, 513];

/// Needs more blocks of 512 bytes than a block's number has values.
const HUGE: usize = 33_600_000;

/// A folder that is removed when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("tftp-{}-{name}", process::id()));
        fs::create_dir(&path).unwrap();
        Folder(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A file of this size, of which no two blocks are the same.
    fn fill(&self, name: &str, len: usize) {
        let mut number = 0x9e37_79b9_u32;
        let next = |_| {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (number >> 24) as u8
        };
        fs::write(self.path(name), (0..len).map(next).collect::<Vec<u8>>()).unwrap();
    }

    fn names(&self) -> Vec<String> {
        let files = fs::read_dir(&self.0).unwrap().flatten();
        let mut names: Vec<String> = files
            .map(|file| file.file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[track_caller]
fn same(a: &Path, b: &Path) {
    let (a, b) = (fs::read(a).unwrap(), fs::read(b).unwrap());
    assert!(a == b, "{} bytes are not the same {}", a.len(), b.len());
}

fn server(folder: &Folder, more: &[&str]) -> (Program, SocketAddr) {
    server_on(folder, "127.0.0.1:0", more)
}

fn server_on(folder: &Folder, listen: &str, more: &[&str]) -> (Program, SocketAddr) {
    let mut command = lesson("tftp");
    let command = command
        .arg("serve")
        .arg(&folder.0)
        .args(["--listen", listen])
        .args(more);
    let (program, addr, _) = Program::serve(command); // it goes on although its output is not read
    (program, addr)
}

/// Fetches and stores files of all sizes with a client, all at once, and compares them byte for
/// byte.
fn fetches_and_stores(
    name: &str,
    sizes: impl IntoIterator<Item = usize>,
    get: impl Fn(SocketAddr, &str) -> Command,
    put: impl Fn(SocketAddr, &str) -> Command,
) {
    let (there, here) = (Folder::new(&format!("{name}-there")), Folder::new(name));
    let (_server, addr) = server(&there, &[]);
    thread::scope(|scope| {
        for len in sizes {
            let (got, stored) = (format!("get-{len}"), format!("put-{len}"));
            there.fill(&got, len);
            here.fill(&stored, len);
            for (command, file) in [(get(addr, &got), got), (put(addr, &stored), stored)] {
                let (there, here) = (&there, &here);
                scope.spawn(move || transfers(command, &file, here, there));
            }
        }
    });
}

/// Runs a client that fetches or stores this file, and compares it byte for byte.
#[track_caller]
fn transfers(mut command: Command, file: &str, here: &Folder, there: &Folder) {
    let started = Instant::now();
    let command = command.current_dir(&here.0);
    let output = run(command.stdout(Stdio::piped()).stderr(Stdio::piped()), "");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    if file.ends_with("-0") && !here.path(file).exists() {
        fs::write(here.path(file), b"").unwrap(); // a client may make no file of no bytes
    }
    // A client that stores may end before the last ACK: the file appears a moment later.
    let stored = || Ok(there.path(file).exists().then_some(()));
    let stored = Deadline::after(PATIENCE).wait_for(stored).unwrap();
    assert!(stored.is_some(), "{file} is not there");
    same(&here.path(file), &there.path(file));
    eprintln!("{file}: {:?}", started.elapsed());
}

#[test]
fn curl_fetches_and_stores_files_of_all_sizes() {
    if !installed("curl") {
        return;
    }
    let curl = |addr: SocketAddr, file: &str| {
        let mut command = Command::new("curl");
        command.args(["-sS", "-m", "120", &format!("tftp://{addr}/{file}")]);
        command
    };
    fetches_and_stores(
        "curl",
        SIZES,
        |addr, file| {
            let mut command = curl(addr, file);
            command.args(["-o", file]);
            command
        },
        |addr, file| {
            let mut command = curl(addr, file);
            command.args(["-T", file]);
            command
        },
    );
}

#[test]
fn tftp_hpa_fetches_and_stores_files_of_all_sizes() {
    if !is_tftp_hpa() {
        return;
    }
    fetches_and_stores(
        "tftp-hpa",
        SIZES.into_iter().chain([HUGE]),
        |addr, file| tftp_hpa("binary", addr, &["get", file]),
        |addr, file| tftp_hpa("binary", addr, &["put", file]),
    );
}

#[test]
fn our_own_client_fetches_and_stores_files_of_all_sizes() {
    let ours = |verb: &str, file: &str, flag: &str, addr: SocketAddr| {
        let mut command = lesson("tftp");
        command.args([verb, file, flag, &addr.to_string()]);
        command
    };
    fetches_and_stores(
        "ours",
        SIZES.into_iter().chain([HUGE]),
        |addr, file| ours("get", file, "--from", addr),
        |addr, file| ours("put", file, "--to", addr),
    );
}

fn tftp_hpa(mode: &str, addr: SocketAddr, words: &[&str]) -> Command {
    let (ip, port) = (addr.ip().to_string(), addr.port().to_string());
    let mut command = Command::new("tftp");
    command.args(["-m", mode, &ip, &port, "-c"]).args(words);
    command
}

/// There are other clients of that name.
fn is_tftp_hpa() -> bool {
    installed("tftp") && {
        let output = run(
            Command::new("tftp")
                .arg("-V")
                .stdout(Stdio::piped())
                .stderr(Stdio::piped()),
            "",
        );
        let is = String::from_utf8_lossy(&output.stdout).contains("tftp-hpa");
        if !is {
            eprintln!("skipped: `tftp` is not tftp-hpa here");
        }
        is
    }
}

#[test]
fn netascii_changes_line_ends_on_the_way_and_back() {
    if !is_tftp_hpa() {
        return;
    }
    let (there, here) = (Folder::new("text-there"), Folder::new("text"));
    let (_server, addr) = server(&there, &[]);
    // A newline at the end of a block, and a CR that is none's end at the end of another.
    let text = format!(
        "{}\n{}\r{}\r\n\r",
        "a".repeat(511),
        "b".repeat(509),
        "c".repeat(600)
    );
    fs::write(there.path("get"), &text).unwrap();
    fs::write(here.path("put"), &text).unwrap();
    for words in [["get", "get"], ["put", "put"]] {
        let mut command = tftp_hpa("netascii", addr, &words);
        let command = command.current_dir(&here.0).stdout(Stdio::piped());
        assert!(run(command.stderr(Stdio::piped()), "").status.success());
        same(&here.path(words[1]), &there.path(words[1]));
    }
    if installed("curl") {
        let url = format!("tftp://{addr}/get;mode=netascii");
        let mut command = Command::new("curl");
        let output = run(command.args(["-sS", &url]).stdout(Stdio::piped()), "");
        let wire = text.replace('\r', "\r\0").replace('\n', "\r\n");
        assert_eq!(String::from_utf8_lossy(&output.stdout), wire);
    }
}

#[test]
fn files_come_whole_over_a_link_that_loses_repeats_and_reorders() {
    let faults = Faults {
        loss: 0.08,
        repeat: 0.1,
        reorder: 0.1,
    };
    let (there, here) = (Folder::new("link-there"), Folder::new("link"));
    let (_server, addr) = server(&there, &[]);
    for name in ["get-1", "get-2"] {
        there.fill(name, 12_000);
    }
    for name in ["put-1", "put-2"] {
        here.fill(name, 12_000);
    }
    thread::scope(|scope| {
        for (seed, name) in (1..).zip(["get-1", "get-2", "put-1", "put-2"]) {
            let here = &here;
            scope.spawn(move || {
                let link = Link::between(addr, faults, seed).unwrap();
                let mut command = lesson("tftp");
                let flag = if name.starts_with("get") {
                    "--from"
                } else {
                    "--to"
                };
                command.args([&name[..3], name, flag, &link.addr().to_string()]);
                let output = run(command.current_dir(&here.0), "");
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{name}: {said}");
            });
        }
    });
    for name in ["get-1", "get-2", "put-1", "put-2"] {
        same(&here.path(name), &there.path(name));
    }
}

/// A client by hand.
struct Client {
    socket: UdpSocket,
    to: SocketAddr,
}

impl Client {
    fn asks(server: SocketAddr, request: &[u8]) -> Client {
        Client::on((Ipv4Addr::LOCALHOST, 0).into(), server, request)
    }

    fn on(local: SocketAddr, server: SocketAddr, request: &[u8]) -> Client {
        let socket = UdpSocket::bind(local).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.send_to(request, server).unwrap();
        Client { socket, to: server }
    }

    fn says(&self, bytes: &[u8]) {
        self.socket.send_to(bytes, self.to).unwrap();
    }

    /// The next packet, as `DATA 1, 512 bytes`.
    #[track_caller]
    fn receives(&mut self, expected: &str) {
        let mut buf = [0; 2000];
        let (n, from) = again_after_a_stop(|| self.socket.recv_from(&mut buf)).unwrap();
        self.to = from;
        let packet = Packet::parse(&buf[..n]).expect("a server sends packets");
        let packet = packet.to_string();
        assert!(packet.starts_with(expected), "{packet}, and not {expected}");
    }
}

#[test]
fn what_a_client_may_not_have_is_an_error_packet() {
    let there = Folder::new("errors");
    there.fill("file", 10);
    fs::create_dir(there.path("folder")).unwrap();
    let (_server, addr) = server(&there, &[]);
    for (request, error) in [
        (&b"\0\x01none\0octet\0"[..], "ERROR 1 "),
        (b"\0\x01../file\0octet\0", "ERROR 2 "),
        (b"\0\x01/etc/hostname\0octet\0", "ERROR 2 "),
        (
            b"\0\x01c:\\qwerq.qwe\0netascii\0blksize\x00512\0timeout\x0010\0tsize\x000\0",
            "ERROR 2 ",
        ),
        (b"\0\x01folder\0octet\0", "ERROR 2 "),
        (b"\0\x02../new\0octet\0", "ERROR 2 "),
        (b"\0\x01file\0mail\0", "ERROR 4 "),
        (b"\0\x01file\0octet", "ERROR 4 "),
        (b"\0\x07", "ERROR 4 "),
        (b"\0\x04\0\x01", "ERROR 4 "),
        (b"\0\x02file\0octet\0", "ERROR 6 "),
        (
            b"\0\x02new\0octet\0tsize\x009000000000000000000\0",
            "ERROR 3 ",
        ),
    ] {
        Client::asks(addr, request).receives(error);
    }
    assert_eq!(there.names(), ["file", "folder"]);
}

#[test]
fn options_are_agreed_to_by_the_letters_they_came_in_or_left_out() {
    let there = Folder::new("options");
    there.fill("file", 2000);
    there.fill("empty", 0);
    let (_server, addr) = server(&there, &[]);
    for (asked, answer) in [
        (
            "BLKSIZE\x001024\0tSize\x000\0",
            "OACK BLKSIZE=1024 tSize=2000",
        ),
        ("blksize\x007\0tsize\x000\0", "OACK tsize=2000"),
        ("blksize\x0065465\0timeout\x003\0", "OACK timeout=3"),
        ("blksize\x0065464\0windowsize\x004\0", "OACK blksize=65464"),
        ("timeout\x000\0", "DATA 1, 512 bytes"),
        ("timeout\x00256\0multicast\0\0", "DATA 1, 512 bytes"),
        ("blksize\x0010\0blksize\x0020\0", "OACK blksize=10"),
    ] {
        let request = format!("\0\x01file\0octet\0{asked}");
        let mut client = Client::asks(addr, request.as_bytes());
        client.receives(answer);
        client.says(b"\0\x05\0\0enough\0");
    }
    // curl takes a tsize of 0 for no answer.
    Client::asks(addr, b"\0\x01empty\0octet\0tsize\x000\0").receives("DATA 1, 0 bytes");
    let mut client = Client::asks(addr, b"\0\x02new\0octet\0tsize\x0010\0");
    client.receives("OACK tsize=10");
    client.says(b"\0\x05\0\x08no\0");
}

#[test]
fn a_stranger_is_told_so_and_an_ack_that_comes_twice_sends_nothing() {
    let there = Folder::new("stranger");
    there.fill("file", 5000);
    let (_server, addr) = server(&there, &[]);
    let mut client = Client::asks(addr, b"\0\x01file\0octet\0timeout\x0010\0");
    client.receives("OACK");
    let mut stranger = Client::asks(client.to, b"\0\x04\0\0");
    stranger.receives("ERROR 5 ");
    for block in 1..=9_u8 {
        client.says(&[0, 4, 0, block - 1]);
        client.says(&[0, 4, 0, block - 1]);
        client.receives(&format!("DATA {block}, 512 bytes"));
        stranger.says(&[0, 4, 0, block]);
        stranger.receives("ERROR 5 ");
    }
    client.says(b"\0\x04\0\x09");
    client.receives("DATA 10, 392 bytes");
    client.says(b"\0\x04\0\x0a");
}

/// Two ends that each see a stranger in the other would never stop answering each other.
#[test]
fn an_error_is_never_answered() {
    let there = Folder::new("error");
    there.fill("file", 5000);
    let (_server, addr) = server(&there, &[]);
    let mut client = Client::asks(addr, b"\0\x01file\0octet\0timeout\x0010\0");
    client.receives("OACK");
    let mut stranger = Client::asks(client.to, b"\0\x05\0\x05unknown\0");
    stranger.says(b"\0\x04\0\0");
    stranger.receives("ERROR 5 "); // the answer to the ACK: one thread receives both, in their order
    client.says(b"\0\x05\0\0enough\0");
    stranger.socket.set_nonblocking(true).unwrap();
    let more = stranger.socket.recv(&mut [0; 100]).unwrap_err();
    assert_eq!(more.kind(), ErrorKind::WouldBlock);
    let mut client = Client::asks(addr, b"\0\x05\0\x04what?\0");
    for _ in 0..20 {
        client.says(b"\0\x05\0\x04what?\0");
    }
    client.says(b"\0\x01none\0octet\0");
    client.receives("ERROR 1 ");
}

#[test]
fn the_last_ack_is_repeated_for_who_has_not_heard_it() {
    let there = Folder::new("dally");
    let (_server, addr) = server(&there, &[]);
    let mut client = Client::asks(addr, b"\0\x02new\0octet\0");
    client.receives("ACK 0");
    for _ in 0..3 {
        client.says(b"\0\x03\0\x01bytes");
        client.receives("ACK 1");
        assert_eq!(fs::read(there.path("new")).unwrap(), b"bytes");
    }
}

#[test]
fn an_upload_that_is_cut_leaves_nothing_and_nothing_is_replaced_unless_told() {
    let there = Folder::new("cut");
    there.fill("file", 10);
    let (_server, addr) = server(&there, &["--replace"]);
    for name in ["new", "file"] {
        let request = format!("\0\x02{name}\0octet\0");
        let mut client = Client::asks(addr, request.as_bytes());
        client.receives("ACK 0");
        client.says(&[&[0, 3, 0, 1][..], &[b'x'; 512]].concat());
        client.receives("ACK 1");
        client.says(b"\0\x05\0\x03disk full\0");
        let gone = || Ok((there.names() == ["file"]).then_some(()));
        assert!(Deadline::after(PATIENCE).wait_for(gone).unwrap().is_some());
    }
    assert_eq!(fs::read(there.path("file")).unwrap().len(), 10);
    let mut client = Client::asks(addr, b"\0\x02file\0octet\0");
    client.receives("ACK 0");
    client.says(b"\0\x03\0\x01replaced");
    client.receives("ACK 1");
    assert_eq!(fs::read(there.path("file")).unwrap(), b"replaced");
}

#[test]
fn ctrl_c_ends_transfers_and_leaves_no_part_of_a_file() {
    let there = Folder::new("ctrl-c");
    there.fill("file", 5000);
    let (mut program, addr) = server(&there, &[]);
    let mut upload = Client::asks(addr, b"\0\x02new\0octet\0timeout\x0010\0");
    upload.receives("OACK");
    upload.says(&[&[0, 3, 0, 1][..], &[b'x'; 512]].concat());
    upload.receives("ACK 1");
    let mut download = Client::asks(addr, b"\0\x01file\0octet\0timeout\x0010\0");
    download.receives("OACK");
    program.interrupt();
    upload.receives("ERROR 0 ");
    download.receives("ERROR 0 ");
    assert!(program.wait().success());
    assert_eq!(there.names(), ["file"]);
}

#[test]
fn eight_clients_are_served_at_once() {
    let there = Folder::new("eight");
    there.fill("file", 3000);
    let (_server, addr) = server(&there, &[]);
    let ask = |_| Client::asks(addr, b"\0\x01file\0octet\0timeout\x0010\0");
    let mut clients: Vec<Client> = (0..8).map(ask).collect();
    clients
        .iter_mut()
        .for_each(|client| client.receives("OACK"));
    let ports: std::collections::BTreeSet<u16> =
        clients.iter().map(|client| client.to.port()).collect();
    assert_eq!(ports.len(), 8, "a port for each");
    for block in 0..=5_u8 {
        for client in &mut clients {
            client.says(&[0, 4, 0, block]);
            client.receives(&format!("DATA {}, ", block + 1));
        }
    }
}

/// A server of RFC 1350 answers a request with options as if there were none.
#[test]
fn our_client_understands_a_server_that_knows_no_options() {
    let here = Folder::new("no-options");
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    server.set_read_timeout(Some(PATIENCE)).unwrap();
    let addr = server.local_addr().unwrap().to_string();
    let mut command = lesson("tftp");
    command
        .args(["get", "file", "--from", &addr])
        .current_dir(&here.0);
    let mut program = Program::start(&mut command);
    let mut buf = [0; 600];
    let (_, client) = again_after_a_stop(|| server.recv_from(&mut buf)).unwrap();
    let transfer = UdpSocket::bind("127.0.0.1:0").unwrap();
    transfer.set_read_timeout(Some(PATIENCE)).unwrap();
    for (block, bytes) in [(1, &[b'x'; 512][..]), (2, b"end")] {
        transfer
            .send_to(&[&[0, 3, 0, block], bytes].concat(), client)
            .unwrap();
        let (n, _) = again_after_a_stop(|| transfer.recv_from(&mut buf)).unwrap();
        assert_eq!(buf[..n], [0, 4, 0, block]);
    }
    let mut said = String::new();
    program
        .child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert!(program.wait().success());
    assert_eq!(said, "\"file\" received: 515 bytes\n");
    assert_eq!(fs::read(here.path("file")).unwrap().len(), 515);
}

#[test]
fn a_client_that_cannot_have_what_it_wants_says_so_in_a_line_and_leaves_nothing() {
    let (there, here) = (Folder::new("refused-there"), Folder::new("refused"));
    here.fill("mine", 10);
    there.fill("mine", 20);
    mkfifo(&here.path("fifo"), Mode::S_IRWXU).unwrap();
    let (_server, addr) = server(&there, &[]);
    let addr = addr.to_string();
    for (words, part) in [
        (["get", "none", "--from", &addr], "(error 1)"),
        (["get", "mine", "--from", &addr], "\"mine\""),
        (["put", "mine", "--to", &addr], "(error 6)"),
        (["put", "none", "--to", &addr], "cannot read \"none\""),
        (["put", "fifo", "--to", &addr], "not a plain file"),
        (["get", "../mine", "--from", &addr], "out of the folder"),
    ] {
        let output = run(lesson("tftp").args(words).current_dir(&here.0), "");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{words:?}: {said}");
        assert!(
            said.contains(part) && said.lines().count() == 1,
            "{words:?}: {said}"
        );
    }
    assert_eq!(here.names(), ["fifo", "mine"]);
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let busy = taken.local_addr().unwrap().to_string();
    let mut command = lesson("tftp");
    let output = run(
        command.arg("serve").arg(&there.0).args(["--listen", &busy]),
        "",
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(1) && said.lines().count() == 1,
        "{said}"
    );
    assert!(said.contains(&busy) && said.contains("in use"), "{said}");
}
