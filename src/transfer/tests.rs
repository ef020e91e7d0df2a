//! The protocol through real sockets, with partners that do not keep to it.

use std::{
    fs,
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use super::{ANSWER, NAME, OK, PATIENCE, PIECE, read_message, receive, send, write_message};
use crate::{
    deadline::{Deadline, Timed},
    folder::{Folder, Temporary},
    peer::connected,
};

fn ends() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (client, server, _) = connected(&listener).unwrap();
    (client, server)
}

fn timed(stream: &TcpStream) -> Timed<&TcpStream> {
    Deadline::after(Duration::from_secs(40)).on(stream)
}

/// What the receiver returns where the sender is this, and the folder.
fn received(
    replace: bool,
    folder: &Temporary,
    sender: impl FnOnce(TcpStream) + Send,
) -> io::Result<(String, u64)> {
    let (client, server) = ends();
    let folder = Folder::open(folder.path()).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| sender(client));
        let received = receive(timed(&server), &folder, replace, PATIENCE);
        server.shutdown(Shutdown::Write).unwrap_or(());
        received
    })
}

#[test]
fn a_message_is_read_to_its_end_and_no_further() {
    let mut bytes = Vec::new();
    for message in ["name", "", "more"] {
        write_message(&mut bytes, message.as_bytes()).unwrap();
    }
    let mut rest = &bytes[..];
    for message in ["name", "", "more"] {
        assert_eq!(read_message(&mut rest, 4).unwrap(), message.as_bytes());
    }
    let end = read_message(&mut rest, 4).unwrap_err();
    assert_eq!(end.kind(), ErrorKind::UnexpectedEof);
    for cut in [1, 3, 4, 7] {
        let error = read_message(&bytes[..cut], 4).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{cut}");
    }
    let long = read_message(&bytes[..], 3).unwrap_err();
    assert_eq!(long.kind(), ErrorKind::InvalidData);
}

#[test]
fn a_content_of_any_number_of_pieces_arrives() {
    for size in [0, 1, PIECE - 1, PIECE, 2 * PIECE + 1] {
        let folder = Temporary::new().unwrap();
        let content: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
        let got = received(false, &folder, |client| {
            send(timed(&client), "a", &content[..], size as u64).unwrap();
        });
        assert_eq!(got.unwrap(), ("a".to_owned(), size as u64));
        assert_eq!(fs::read(folder.path().join("a")).unwrap(), content);
    }
}

#[test]
fn what_is_no_name_and_what_is_no_size_is_refused_in_words() {
    let refused = |messages: &[&[u8]], why: &str| {
        let folder = Temporary::new().unwrap();
        let got = received(false, &folder, |mut client| {
            let (last, before) = messages.split_last().unwrap();
            for message in before {
                write_message(&client, message).unwrap();
                assert_eq!(read_message(timed(&client), ANSWER).unwrap(), OK);
            }
            client.write_all(last).unwrap();
            let answer = read_message(timed(&client), ANSWER).unwrap();
            let answer = String::from_utf8(answer).unwrap();
            assert!(answer.contains(why), "{answer}");
        });
        assert!(got.is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    };
    let framed = |message: &[u8]| {
        let mut bytes = Vec::new();
        write_message(&mut bytes, message).unwrap();
        bytes
    };
    refused(&[&u32::MAX.to_be_bytes()], "4294967295 bytes, where 255");
    refused(&[&(NAME as u32 + 1).to_be_bytes()], "256 bytes, where 255");
    refused(&[&framed(b"caf\xe9")], "UTF-8");
    refused(&[&framed(b"../a")], "may not lead out");
    refused(&[b"a", &9_u32.to_be_bytes()], "9 bytes, where 8");
    refused(&[b"a", &framed(b"1234567")], "number of 8 bytes");
    refused(&[b"a", &framed(&[0xff; 8])], "no room for");
}

#[test]
fn a_sender_that_ends_in_the_middle_leaves_nothing() {
    let folder = Temporary::new().unwrap();
    let got = received(false, &folder, |mut client| {
        for message in [&b"a"[..], &1000_u64.to_be_bytes()] {
            write_message(&client, message).unwrap();
            assert_eq!(read_message(timed(&client), ANSWER).unwrap(), OK);
        }
        client.write_all(&[0; 999]).unwrap();
    });
    assert_eq!(got.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_file_that_is_there_is_replaced_only_when_told() {
    let folder = Temporary::new().unwrap();
    let path = folder.path().join("a");
    fs::write(&path, "old").unwrap();
    let sent = |client: TcpStream| send(timed(&client), "a", &b"new"[..], 3);
    let kept = received(false, &folder, |client| {
        let refused = sent(client).unwrap_err().to_string();
        assert!(refused.starts_with("refused: cannot receive"), "{refused}");
    });
    assert_eq!(kept.unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(fs::read(&path).unwrap(), b"old");
    received(true, &folder, |client| sent(client).unwrap()).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
}

#[test]
fn a_refusal_in_the_middle_of_the_content_is_told_and_cannot_steer_a_terminal() {
    let (client, server) = ends();
    thread::scope(|scope| {
        scope.spawn(|| {
            for _name_and_size in 0..2 {
                read_message(timed(&server), NAME).unwrap();
                write_message(&server, OK).unwrap();
            }
            timed(&server).read_exact(&mut [0; 1000]).unwrap();
            write_message(&server, b"the disk\x1b[2J is full").unwrap();
            drop(server); // with bytes unread: an RST, after the answer
        });
        let refused = send(timed(&client), "a", io::repeat(0), 1 << 40).unwrap_err();
        assert_eq!(refused.to_string(), "refused: the disk [2J is full");
    });
}

#[test]
fn a_file_that_becomes_shorter_is_not_sent() {
    let folder = Temporary::new().unwrap();
    let got = received(false, &folder, |client| {
        let short = send(timed(&client), "a", &b"short"[..], 6).unwrap_err();
        assert_eq!(short.kind(), ErrorKind::UnexpectedEof);
    });
    assert!(got.is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
