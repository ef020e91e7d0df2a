//! A file that is not whole is not kept: its size, where the ends have agreed on it, must be right.

use std::{
    fs::{self, OpenOptions},
    net::{SocketAddr, UdpSocket},
    process::Output,
    thread,
};

use socket_workshop::tftp::Packet;

use super::{Client, Folder, server};
use crate::common::{PATIENCE, lesson, run};

/// A server by hand, for one transfer.
struct Server {
    socket: UdpSocket,
    client: SocketAddr,
}

impl Server {
    fn says(&self, bytes: &[u8]) {
        self.socket.send_to(bytes, self.client).unwrap();
    }

    /// The next packet, as `DATA 1, 512 bytes`.
    fn receives(&mut self) -> String {
        let mut buf = [0; 2000];
        let (n, from) = self.socket.recv_from(&mut buf).unwrap();
        self.client = from;
        Packet::parse(&buf[..n])
            .expect("a client sends packets")
            .to_string()
    }
}

/// Runs our client beside a server by hand, which has received its request.
fn client(here: &Folder, words: [&str; 3], server: impl FnOnce(Server)) -> Output {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let addr = socket.local_addr().unwrap();
    let mut command = lesson("tftp");
    command.args(words).arg(addr.to_string());
    command.current_dir(&here.0);
    thread::scope(|scope| {
        let client = scope.spawn(|| run(&mut command, ""));
        let mut by_hand = Server {
            socket,
            client: addr,
        };
        by_hand.receives();
        server(by_hand);
        client.join().unwrap()
    })
}

#[track_caller]
fn fails_in_a_line_with(output: &Output, parts: [&str; 2]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(parts.iter().all(|part| said.contains(part)), "{said}");
}

#[test]
fn our_client_keeps_no_file_of_another_size_than_the_server_said() {
    for size in ["1000", "3"] {
        let here = Folder::new(&format!("whole-get-{size}"));
        let output = client(&here, ["get", "file", "--from"], |mut server| {
            server.says(format!("\0\x06tsize\0{size}\0").as_bytes());
            assert_eq!(server.receives(), "ACK 0");
            server.says(b"\0\x03\0\x01bytes");
            let last = server.receives();
            assert!(last.starts_with("ERROR "), "{last}");
        });
        fails_in_a_line_with(&output, ["5 bytes", size]);
        assert!(here.names().is_empty(), "{:?}", here.names());
    }
}

#[test]
fn a_server_keeps_no_file_of_another_size_than_the_client_said() {
    let there = Folder::new("whole-put");
    let (_server, addr) = server(&there, &[]);
    for size in ["1000", "3"] {
        let request = format!("\0\x02new\0octet\0tsize\0{size}\0");
        let mut client = Client::asks(addr, request.as_bytes());
        client.receives(&format!("OACK tsize={size}"));
        client.says(b"\0\x03\0\x01bytes");
        client.receives("ERROR ");
    }
    let mut client = Client::asks(addr, b"\0\x02new\0octet\0tsize\x005\0");
    client.receives("OACK tsize=5");
    client.says(b"\0\x03\0\x01bytes");
    client.receives("ACK 1");
    assert_eq!(there.names(), ["new"]);
}

/// Line ends have other lengths on the wire, so the size in bytes of a text says nothing.
#[test]
fn a_text_is_not_held_against_a_size() {
    let there = Folder::new("whole-text");
    let (_server, addr) = server(&there, &[]);
    let mut client = Client::asks(addr, b"\0\x02new\0netascii\0tsize\x002\0");
    client.receives("ACK 0");
    client.says(b"\0\x03\0\x01a\r\n");
    client.receives("ACK 1");
    assert_eq!(fs::read(there.path("new")).unwrap(), b"a\n");
}

/// Receives a file block by block and lets it have another length after the first.
fn length_changes(name: &str, request: &[u8], len: u64) -> (usize, String) {
    let there = Folder::new(name);
    fs::write(there.path("file"), [b'x'; 40_000]).unwrap(); // more than the server reads ahead
    let (_server, addr) = server(&there, &[]);
    let client = Client::asks(addr, request);
    let (mut buf, mut received) = ([0; 600], 0);
    loop {
        let (n, transfer) = client.socket.recv_from(&mut buf).unwrap();
        let acks = |block| {
            let ack = Packet::Ack(block).to_bytes();
            client.socket.send_to(&ack, transfer).unwrap();
        };
        match Packet::parse(&buf[..n]) {
            Some(Packet::OptionAck(_)) => acks(0),
            Some(Packet::Data { block, bytes }) => {
                if block == 1 {
                    let file = OpenOptions::new().write(true).open(there.path("file"));
                    file.unwrap().set_len(len).unwrap();
                }
                received += bytes.len();
                acks(block);
                if bytes.len() < 512 {
                    return (received, "whole".to_owned());
                }
            }
            Some(Packet::Error { text, .. }) => return (received, text),
            other => panic!("{other:?}"),
        }
    }
}

const REQUESTS: [(&str, &[u8]); 3] = [
    ("tsize", b"\0\x01file\0octet\0tsize\x000\0"),
    ("plain", b"\0\x01file\0octet\0"),
    ("text", b"\0\x01file\0netascii\0"),
];

#[test]
fn of_a_file_that_becomes_shorter_the_server_sends_no_last_block() {
    for (name, request) in REQUESTS {
        let name = format!("whole-shorter-{name}");
        let (_, last) = length_changes(&name, request, 20_000);
        assert!(last.contains("shorter"), "{name}: {last}");
    }
}

#[test]
fn of_a_file_that_grows_the_server_sends_what_was_there_at_first() {
    for (name, request) in REQUESTS {
        let name = format!("whole-longer-{name}");
        let ended = length_changes(&name, request, 60_000);
        assert_eq!(ended, (40_000, "whole".to_owned()), "{name}");
    }
}

#[test]
fn of_a_file_that_becomes_shorter_our_client_sends_no_last_block() {
    let here = Folder::new("whole-put-shorter");
    here.fill("file", 40_000);
    let output = client(&here, ["put", "file", "--to"], |mut server| {
        server.says(b"\0\x04\0\0"); // knows no options
        assert_eq!(server.receives(), "DATA 1, 512 bytes");
        let file = OpenOptions::new().write(true).open(here.path("file"));
        file.unwrap().set_len(1000).unwrap();
        server.says(b"\0\x04\0\x01");
        let last = server.receives();
        assert!(
            last.starts_with("ERROR ") && last.contains("shorter"),
            "{last}"
        );
    });
    fails_in_a_line_with(&output, ["shorter", "40000"]);
}

#[test]
fn our_client_stops_a_server_that_sends_more_than_it_said() {
    let here = Folder::new("whole-more");
    let output = client(&here, ["get", "file", "--from"], |mut server| {
        server.says(b"\0\x06tsize\x00600\0");
        assert_eq!(server.receives(), "ACK 0");
        for (block, last) in [(1, "ACK 1"), (2, "ERROR ")] {
            server.says(&[&[0, 3, 0, block][..], &[b'x'; 512]].concat());
            let said = server.receives();
            assert!(said.starts_with(last), "{said}");
        }
    });
    fails_in_a_line_with(&output, ["1024 bytes", "600"]);
    assert!(here.names().is_empty(), "{:?}", here.names());
}
