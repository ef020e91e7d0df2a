//! What the kernel sends, counted: none of these tests looks at a clock.

use std::{
    collections::BTreeSet,
    net::{TcpListener, TcpStream, UdpSocket},
};

use super::{SockDiag, dump_is_over};
use crate::{
    peer::connected,
    table::{End, Protocol, Row, State},
};

/// Rows that are not ours to look at: listeners, connections, and TIME_WAIT.
fn foreign() -> (Vec<TcpListener>, Vec<TcpStream>) {
    let (mut listeners, mut streams) = (Vec::new(), Vec::new());
    for _ in 0..50 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        for _ in 0..2 {
            let (client, server, _) = connected(&listener).unwrap();
            streams.extend([client, server]);
        }
        for _ in 0..2 {
            drop(connected(&listener).unwrap());
        }
        listeners.push(listener);
    }
    (listeners, streams)
}

#[test]
fn of_the_rows_of_other_ports_the_kernel_sends_none() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (_client, _server, end) = connected(&listener).unwrap();
    let port = end.peer.unwrap().port();
    let _foreign = foreign();
    let mut netlink = SockDiag::open().unwrap();
    let all = netlink.rows(Protocol::Tcp, false).unwrap();
    assert!(all.len() > 300, "{}", all.len());
    assert!(all.iter().any(|row| row.state == State::TimeWait));
    // Nothing has filtered these but the kernel.
    let ours = netlink.rows_of(&[port], Protocol::Tcp, false).unwrap();
    let ports = |row: &Row| row.local.port() == port || row.peer.port() == port;
    assert!(netlink.filters && ours.iter().all(ports), "{ours:#?}");
    assert!(ours.len() >= 3, "{ours:#?}"); // another test may have got this port at its other end
    let one = netlink.look_up(end, false).unwrap().unwrap();
    assert_eq!(one.end(), end);
}

#[test]
fn of_listeners_the_kernel_sends_no_connection() {
    let foreign = foreign();
    let port = foreign.0[0].local_addr().unwrap().port();
    let mut netlink = SockDiag::open().unwrap();
    let ours = netlink.listeners_of(&[port]).unwrap();
    assert!(ours.iter().any(|row| row.local.port() == port));
    assert!(
        ours.iter().all(|row| row.state == State::Listen),
        "{ours:#?}"
    );
    netlink.filters = false;
    let all = netlink.listeners_of(&[port]).unwrap();
    assert!(all.len() >= foreign.0.len());
    assert!(all.iter().all(|row| row.state == State::Listen), "{all:#?}");
}

#[test]
fn a_kernel_without_filters_or_without_the_older_request_shows_the_same_rows() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let v6 = TcpListener::bind("[::1]:0");
    let (_client, _server, end) = connected(&listener).unwrap();
    let mut ours = vec![End::of(&listener).unwrap(), end, end.other()];
    ours.extend(v6.as_ref().map(|v6| End::of(v6).unwrap()));
    let ports: Vec<u16> = ours.iter().map(|end| end.local.port()).collect();
    let mut netlink = SockDiag::open().unwrap();
    let mut seen = BTreeSet::new();
    for (both_families, filters) in [(true, true), (true, false), (false, true), (false, false)] {
        (netlink.both_families, netlink.filters) = (both_families, filters);
        let mut rows = netlink.rows_of(&ports, Protocol::Tcp, false).unwrap();
        rows.retain(|row| ours.contains(&row.end())); // others may have some at these ports
        let lines: BTreeSet<String> = rows.iter().map(Row::to_string).collect();
        assert_eq!(lines.len(), ours.len(), "{lines:#?}");
        seen.insert(lines);
        assert_eq!(netlink.both_families, both_families, "nothing was refused");
    }
    assert_eq!(seen.len(), 1, "{seen:#?}");
}

#[test]
fn a_look_up_that_finds_nothing_leaves_nothing_behind_for_the_next() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let end = End::of(&listener).unwrap();
    let mut netlink = SockDiag::open().unwrap();
    let nobody = End::listener("127.0.0.1:1".parse().unwrap());
    for _ in 0..3 {
        assert_eq!(netlink.look_up(nobody, false).unwrap(), None);
        let row = netlink.look_up(end, true).unwrap();
        assert_eq!(row.map(|row| row.end()), Some(end));
    }
}

#[test]
fn both_ends_of_udp_are_found_without_a_dump() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.connect(server.local_addr().unwrap()).unwrap();
    let mut netlink = SockDiag::open().unwrap();
    for end in [End::of(&server).unwrap(), End::of(&client).unwrap()] {
        let row = netlink.look_up(end, false).unwrap().unwrap();
        assert_eq!(row.end(), end);
    }
}

#[test]
fn a_dump_that_ends_with_an_error_is_not_an_empty_table() {
    let no_entry = (-2_i32).to_ne_bytes();
    let error = dump_is_over(&no_entry).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(2));
    dump_is_over(&[0; 4]).unwrap();
    dump_is_over(&[]).unwrap();
}
