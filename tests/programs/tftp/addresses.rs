//! An answer comes from the address that was asked (RFC 1122, 4.1.3.5), also where the server
//! listens on all addresses and the route prefers another one.

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
};

use super::{Client, Folder, server_on};

/// The address from which a request sent to this one is answered.
fn answers_from(asked: SocketAddr, request: &[u8]) -> SocketAddr {
    let mut client = Client::on((Ipv4Addr::LOCALHOST, 0).into(), asked, request);
    client.receives("");
    client.to
}

#[test]
fn answers_come_from_the_address_that_was_asked() {
    let there = Folder::new("addresses");
    there.fill("file", 100);
    let whole = b"\0\x01file\0octet\0";
    let none = b"\0\x01none\0octet\0"; // an ERROR is an answer, too
    for all in ["0.0.0.0:0", "[::]:0"] {
        if UdpSocket::bind(all).is_err() {
            eprintln!("skipped: no address like {all} here");
            continue;
        }
        let (_server, addr) = server_on(&there, all, &[]);
        for ip in [Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 0, 2)] {
            let asked = SocketAddr::new(ip.into(), addr.port());
            for request in [whole, none] {
                let from = answers_from(asked, request);
                assert_eq!(from.ip(), asked.ip(), "{all}");
                assert_ne!(from.port(), asked.port());
            }
        }
        if addr.is_ipv6() {
            let asked = (Ipv6Addr::LOCALHOST, addr.port()).into();
            let mut client = Client::on((Ipv6Addr::LOCALHOST, 0).into(), asked, whole);
            client.receives("DATA 1, 100 bytes");
            assert_eq!(client.to.ip(), asked.ip());
        }
    }
}

/// RFC 1123, 4.2.3.5: every host on a network would answer.
#[test]
fn a_request_to_a_broadcast_address_is_not_answered() {
    let there = Folder::new("broadcast");
    there.fill("file", 100);
    let (_server, addr) = server_on(&there, "0.0.0.0:0", &[]);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_broadcast(true).unwrap();
    let request = b"\0\x01file\0octet\0";
    socket
        .send_to(request, (Ipv4Addr::new(127, 255, 255, 255), addr.port()))
        .unwrap();
    // The server takes requests in their order.
    let asked = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), addr.port());
    Client::asks(asked, request).receives("DATA 1, 100 bytes");
    socket.set_nonblocking(true).unwrap();
    let answer = socket.recv(&mut [0; 600]).unwrap_err();
    assert_eq!(answer.kind(), ErrorKind::WouldBlock);
}
