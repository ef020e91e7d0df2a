//! What a link does with the datagrams of a seed, and that it does the same again.

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, UdpSocket},
    time::Duration,
};

use super::{
    Faults, Link, Passed, all_arrived, connected,
    faults::{Fate, fate, random, share},
};

const ALL: Faults = Faults {
    loss: 0.3,
    repeat: 0.2,
    reorder: 0.2,
};

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let patience = Duration::from_secs(5);
    socket.set_read_timeout(Some(patience)).unwrap();
    socket
}

/// Sends the numbers from 0 to 99 through a link, and ends it: what came, and what went through.
fn through_a_link(faults: Faults, seed: u64) -> (Vec<u8>, Passed) {
    let (client, server, link) = connected(faults, seed).unwrap();
    for n in 0..100 {
        assert_eq!(client.send(&[n]).unwrap(), 1);
    }
    let passed = link.end_after(100);
    let count = 100 - passed.lost + passed.repeated;
    (all_arrived(&server, count).unwrap().concat(), passed)
}

#[test]
fn a_link_without_faults_passes_all_in_order() {
    let (came, passed) = through_a_link(Faults::default(), 1);
    assert_eq!(came, (0..100).collect::<Vec<u8>>());
    let taken = 100;
    assert_eq!(
        passed,
        Passed {
            taken,
            ..Passed::default()
        }
    );
}

#[test]
fn what_comes_is_what_was_sent_but_for_what_the_link_counts() {
    let (came, passed) = through_a_link(ALL, 7);
    assert_eq!(came.len(), 100 - passed.lost + passed.repeated);
    let mut each = came.clone();
    each.sort_unstable();
    each.dedup();
    assert_eq!(each.len(), 100 - passed.lost);
    let overtaken = came.windows(2).filter(|pair| pair[1] < pair[0]).count();
    assert_eq!(overtaken, passed.reordered);
    assert!(passed.lost > 10 && passed.repeated > 3 && passed.reordered > 3);
}

#[test]
fn a_seed_is_a_run_and_another_is_another() {
    assert_eq!(through_a_link(ALL, 7), through_a_link(ALL, 7));
    assert_ne!(through_a_link(ALL, 7).0, through_a_link(ALL, 8).0);
}

#[test]
fn fates_have_the_shares_that_were_asked_for() {
    let count = |wanted| {
        let fates = (0..10_000).map(|n| fate(ALL, 1, n));
        fates.filter(|fate| *fate == wanted).count()
    };
    assert!((2800..3200).contains(&count(Fate::IsLost)));
    assert!((1250..1550).contains(&count(Fate::Repeats))); // 0.2 of 0.7
    assert!((1000..1250).contains(&count(Fate::IsOvertaken))); // 0.2 of 0.8 of 0.7
}

/// The first of the published sequence for seed 0: 0xe220a8397b1dcdaf.
#[test]
fn numbers_are_those_of_splitmix64() {
    let first = 0xe220_a839_7b1d_cdaf_u64;
    assert_eq!(random(0, 0), (first >> 11) as f64 / (1_u64 << 53) as f64);
}

#[test]
fn answers_come_back_and_those_of_another_port_from_another_port() {
    let (client, server, transfer) = (socket(), socket(), socket());
    let link = Link::between(server.local_addr().unwrap(), Faults::default(), 1).unwrap();
    let mut buf = [0; 16];
    let mut from = |socket: &UdpSocket| -> (Vec<u8>, SocketAddr) {
        let (n, from) = socket.recv_from(&mut buf).unwrap();
        (buf[..n].to_vec(), from)
    };
    client.send_to(b"request", link.addr()).unwrap();
    let (request, far) = from(&server);
    assert_eq!(request, b"request");
    server.send_to(b"answer", far).unwrap();
    assert_eq!(from(&client), (b"answer".to_vec(), link.addr()));
    // As a TFTP server does: its port for one transfer.
    transfer.send_to(b"data", far).unwrap();
    let (data, port) = from(&client);
    assert_eq!(data, b"data");
    assert_ne!(port, link.addr());
    client.send_to(b"ack", port).unwrap();
    assert_eq!(from(&transfer).0, b"ack");
}

#[test]
fn what_is_held_back_comes_although_nothing_follows() {
    let (client, server) = (socket(), socket());
    let held = Faults {
        reorder: 1.0,
        ..Faults::default()
    };
    let link = Link::between(server.local_addr().unwrap(), held, 1).unwrap();
    client.send_to(b"alone", link.addr()).unwrap();
    assert_eq!(server.recv(&mut [0; 16]).unwrap(), 5);
}

#[test]
fn the_largest_datagram_and_an_empty_one_go_through() -> io::Result<()> {
    let (client, server) = (socket(), socket());
    let link = Link::between(server.local_addr()?, Faults::default(), 1)?;
    for len in [65_507, 0] {
        client.send_to(&vec![0; len], link.addr())?;
        assert_eq!(server.recv(&mut [0; 65_536])?, len);
    }
    Ok(())
}

#[test]
fn a_share_is_between_0_and_1() {
    assert_eq!(share("0.3"), Ok(0.3));
    for text in ["1.1", "-0.1", "NaN", "", "a third"] {
        assert!(share(text).is_err(), "{text}");
    }
    let faults = Faults {
        loss: 1.1,
        ..Faults::default()
    };
    let error = Link::between("127.0.0.1:9".parse().unwrap(), faults, 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}
