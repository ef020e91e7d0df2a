//! Sockets of all kinds for the tests of the table: each row is held still for as long as the zoo
//! lives.

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket},
    time::Duration,
};

use socket_workshop::{
    deadline::Deadline,
    listen::Listen,
    peer::{connected, narrow},
};
use socket2::{Domain, SockRef, Socket, TcpKeepalive, Type};

use super::PATIENCE;

/// Sockets in many states, and the ports of their servers.
pub struct Zoo {
    pub ports: Vec<u16>,
    _held: Vec<TcpStream>,
    _listeners: Vec<TcpListener>,
}

pub fn zoo() -> Zoo {
    let (mut held, mut listeners) = (Vec::new(), Vec::new());
    let listener = Listen::with_backlog(17)
        .on("127.0.0.1:0".parse().unwrap())
        .unwrap();
    // ESTABLISHED with a keepalive timer and unread bytes.
    let (mut client, server, _) = connected(&listener).unwrap();
    client.write_all(b"unread").unwrap();
    let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(500));
    SockRef::from(&client)
        .set_tcp_keepalive(&keepalive)
        .unwrap();
    held.extend([client, server]);
    // FIN_WAIT2 and CLOSE_WAIT.
    let (client, server, _) = connected(&listener).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    held.extend([client, server]);
    // TIME_WAIT.
    let (client, mut server, _) = connected(&listener).unwrap();
    drop(client);
    server.read_to_end(&mut Vec::new()).unwrap();
    drop(server);
    behind_data(&listener, &mut held);
    // A connection in the accept queue.
    held.push(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
    listeners.push(listener);
    // SYN_SENT: the queue is full.
    let full = Listen::with_backlog(0)
        .on("127.0.0.1:0".parse().unwrap())
        .unwrap();
    held.push(TcpStream::connect(full.local_addr().unwrap()).unwrap());
    let dialer = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    dialer.set_nonblocking(true).unwrap();
    dialer
        .connect(&full.local_addr().unwrap().into())
        .unwrap_err();
    held.push(dialer.into());
    listeners.push(full);
    listeners.extend(sharing_a_port());
    ipv6(&mut held, &mut listeners);
    let ports = listeners
        .iter()
        .map(|listener| listener.local_addr().unwrap().port())
        .collect();
    Zoo {
        ports,
        _held: held,
        _listeners: listeners,
    }
}

/// FIN_WAIT1, LAST_ACK and CLOSING: a FIN that waits behind data which the peer has no room for.
fn behind_data(listener: &TcpListener, held: &mut Vec<TcpStream>) {
    let narrow_pair = || {
        let (client, server, _) = narrow(listener).unwrap();
        (client, server)
    };
    let (client, server) = narrow_pair();
    shut_down_behind_data(&client);
    held.extend([client, server]); // FIN_WAIT1, ESTABLISHED
    let (client, mut server) = narrow_pair();
    client.shutdown(Shutdown::Write).unwrap();
    server.read_to_end(&mut Vec::new()).unwrap();
    shut_down_behind_data(&server);
    held.extend([client, server]); // FIN_WAIT2, LAST_ACK
    let (mut client, server) = narrow_pair();
    shut_down_behind_data(&client);
    shut_down_behind_data(&server);
    client.read_to_end(&mut Vec::new()).unwrap();
    held.extend([client, server]); // CLOSING, FIN_WAIT2
}

/// Writes more than the peer has room for: the rest stays here, and the FIN behind it.
fn shut_down_behind_data(mut stream: &TcpStream) {
    stream.set_nonblocking(true).unwrap();
    let _part = stream.write(&[0; 64 << 10]).unwrap();
    stream.set_nonblocking(false).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
}

/// Two listeners on one address (SO_REUSEPORT).
fn sharing_a_port() -> [TcpListener; 2] {
    let share = |addr: SocketAddr| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_reuse_port(true).unwrap();
        socket.bind(&addr.into()).unwrap();
        socket.listen(8).unwrap();
        TcpListener::from(socket)
    };
    let first = share("127.0.0.1:0".parse().unwrap());
    let second = share(first.local_addr().unwrap());
    [first, second]
}

/// IPv6, and IPv4 on a dual-stack listener, where there is IPv6.
fn ipv6(held: &mut Vec<TcpStream>, listeners: &mut Vec<TcpListener>) {
    if let Ok(v6) = TcpListener::bind("[::1]:0") {
        let (client, server, _) = connected(&v6).unwrap();
        held.extend([client, server]);
        listeners.push(v6);
        let mapped: SocketAddr = "[::ffff:127.0.0.1]:0".parse().unwrap();
        let dual = Listen {
            v6only: Some(false),
            ..Listen::default()
        }
        .on(mapped)
        .unwrap();
        let port = dual.local_addr().unwrap().port();
        held.push(TcpStream::connect(("127.0.0.1", port)).unwrap());
        held.push(dual.accept().unwrap().0);
        listeners.push(dual);
    }
}

/// UDP sockets: connected and not, with datagrams unread and with some dropped, IPv4 and IPv6.
pub fn udp_zoo() -> (Vec<UdpSocket>, Vec<u16>) {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    SockRef::from(&server).set_recv_buffer_size(4096).unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.connect(server.local_addr().unwrap()).unwrap();
    for _ in 0..100 {
        client.send(b"more than there is room for").unwrap();
    }
    let mut sockets = vec![server, client];
    for any in ["0.0.0.0:0", "[::]:0", "[::1]:0"] {
        sockets.extend(UdpSocket::bind(any).ok());
    }
    let loops = UdpSocket::bind("127.0.0.1:0").unwrap();
    loops.connect(loops.local_addr().unwrap()).unwrap();
    sockets.push(loops);
    let port = |socket: &UdpSocket| socket.local_addr().unwrap().port();
    let ports = sockets.iter().map(port).collect();
    (sockets, ports)
}

/// Waits until two views of a moving table agree; shows both if they never do.
#[track_caller]
pub fn agree(
    mut left: impl FnMut() -> BTreeSet<String>,
    mut right: impl FnMut() -> BTreeSet<String>,
) {
    let mut last = Default::default();
    let agreed = Deadline::after(PATIENCE).wait_for(|| {
        last = (left(), right());
        Ok((last.0 == last.1).then_some(()))
    });
    assert!(
        agreed.unwrap().is_some(),
        "{:#?}\nis not\n{:#?}",
        last.0,
        last.1
    );
    assert!(last.0.len() > 8, "{last:#?}");
}

/// A line of `netstat -nato` without the numbers that change while one looks.
pub fn without_countdown(line: &str) -> String {
    line.split(" (")
        .next()
        .unwrap_or_default()
        .trim_end()
        .to_owned()
}
