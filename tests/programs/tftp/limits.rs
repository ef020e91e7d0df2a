//! What a client can take from the others: a timeout, a place, and no more.

use std::{
    collections::BTreeSet,
    io::ErrorKind,
    net::UdpSocket,
    process::{Command, Stdio},
    time::Duration,
};

use socket_workshop::deadline::Deadline;

use super::{Client, Folder, server};
use crate::common::{PATIENCE, installed, lesson, run};

/// As many transfers as the server makes at once.
const PLACES: usize = 100;

/// A read request that would keep its place for two hours if the server agreed.
const SILENT: &[u8] = b"\0\x01file\0octet\0timeout\x00255\0";

/// RFC 2349: a server need not agree to a timeout, but it may not agree to another one.
#[test]
fn a_timeout_of_more_than_ten_seconds_is_not_agreed_to() {
    let there = Folder::new("timeout");
    there.fill("file", 2000);
    let (_server, addr) = server(&there, &[]);
    for (asked, answer) in [
        ("timeout\x0010\0", "OACK timeout=10"),
        ("timeout\x0011\0", "DATA 1, 512 bytes"),
        ("timeout\x00255\0tsize\x000\0", "OACK tsize=2000"),
    ] {
        let request = format!("\0\x01file\0octet\0{asked}");
        let mut client = Client::asks(addr, request.as_bytes());
        client.receives(answer);
        client.says(b"\0\x05\0\0enough\0");
    }
}

/// All clients on loopback have one address, so only time frees their places.
#[test]
fn silent_clients_lose_their_places() {
    let there = Folder::new("silent");
    there.fill("file", 2000);
    let (_server, addr) = server(&there, &[]);
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    silent.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut ends = BTreeSet::new(); // of the transfers: a port for each
    while ends.len() < PLACES {
        silent.send_to(SILENT, addr).unwrap();
        ends.insert(silent.recv_from(&mut [0; 600]).unwrap().1);
    }
    let client = Client::asks(addr, b"\0\x01file\0octet\0");
    let second = Some(Duration::from_secs(1));
    client.socket.set_read_timeout(second).unwrap();
    let answered = || match client.socket.recv_from(&mut [0; 600]) {
        Ok((_, from)) => Ok(Some(from)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            client.says(b"\0\x01file\0octet\0"); // the answer may be lost, for all the client knows
            Ok(None)
        }
        Err(error) => Err(error),
    };
    let answer = Deadline::after(2 * PATIENCE).wait_for(answered).unwrap();
    assert!(answer.is_some(), "all places are still taken");
}

/// In a network of its own, whose loopback interface has an address that is not loopback's.
#[test]
fn one_address_does_not_take_all_places() {
    if !installed("unshare") || !installed("ip") || !installed("bash") {
        return;
    }
    let (there, here) = (Folder::new("places-there"), Folder::new("places"));
    there.fill("file", 2000);
    let script = r#"
        ip link set lo up && ip addr add 198.51.100.1/32 dev lo || exit 77
        exec 3< <("$0" serve "$1" --listen 0.0.0.0:8330)
        read -r <&3
        for _ in {1..100}; do
            printf '\0\1file\0octet\0timeout\0%s\0' 255 > /dev/udp/198.51.100.1/8330
        done
        "$0" get file --from 127.0.0.1:8330"#;
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "--net"])
        .args(["--pid", "--fork", "--kill-child"])
        .args(["bash", "-c", script])
        .arg(lesson("tftp").get_program())
        .arg(&there.0)
        .current_dir(&here.0)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let output = run(&mut command, "");
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(77) || said.starts_with("unshare: ") {
        return eprintln!("skipped: {said}");
    }
    assert!(output.status.success(), "{said}");
    assert_eq!(here.names(), ["file"]);
}
