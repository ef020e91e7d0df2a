//! The link of exercise `datagrams`: with its seed no answer is lost for long, in either direction.

use std::{
    net::{SocketAddr, UdpSocket},
    time::Duration,
};

use socket_workshop::{
    deadline::Deadline,
    link::{arrived, connected},
};
use workshop::checks::datagrams::{FAULTS, SEED};

/// The most of a hundred numbers in a row that did not arrive.
fn lost_in_a_row(socket: &UdpSocket) -> usize {
    let came = arrived(socket).unwrap().concat();
    let missing: Vec<bool> = (0..100).map(|n| !came.contains(&n)).collect();
    let runs = missing.split(|missing| !missing);
    runs.map(<[bool]>::len).max().unwrap_or(0)
}

#[test]
fn an_answer_is_never_far() {
    let (client, server, link) = connected(FAULTS, SEED).unwrap();
    let far: SocketAddr = link.sockets()[1].local_addr().unwrap();
    // The link must know its client before it can let anything back.
    let client_known = || Ok((server.peek(&mut [0]).is_ok()).then_some(()));
    for n in 0..100 {
        client.send(&[n]).unwrap();
    }
    let limit = Deadline::after(Duration::from_secs(5));
    limit.wait_for(client_known).unwrap();
    for n in 0..100 {
        server.send_to(&[n], far).unwrap();
    }
    let passed = link.end_after(200);
    assert_eq!(passed.taken, 200);
    assert!(lost_in_a_row(&server) <= 2);
    assert!(lost_in_a_row(&client) <= 2);
}
