//! The rows of some ports, and the row of one end, against the whole table: each way to look shows
//! the same, by netlink and by `/proc`.

mod common;

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Command, Stdio},
};

use common::{
    PATIENCE, Program, installed, run,
    zoo::{agree, udp_zoo, without_countdown, zoo},
};
use socket_workshop::{
    deadline::Deadline,
    listen::Listen,
    peer::connected,
    table::{End, Kernel, Row, State, Table},
};
use socket2::SockRef;

/// Both ways to the table.
fn kernels() -> [Kernel; 2] {
    [Kernel::sock_diag().unwrap(), Kernel::proc().unwrap()]
}

/// All of a row that does not change while one looks.
fn show(row: &Row) -> String {
    let line = without_countdown(&format!("{row:#}"));
    format!(
        "{line} inode {} backlog {:?} window {:?}",
        row.inode, row.backlog, row.window
    )
}

fn shown(table: &Table) -> BTreeSet<String> {
    table.rows.iter().map(show).collect()
}

#[test]
fn the_rows_of_some_ports_are_those_of_the_whole_table() {
    let zoo = zoo();
    for (mut kernel, mut other) in kernels().into_iter().zip(kernels()) {
        agree(
            || shown(&kernel.table_of(&zoo.ports).unwrap()),
            || shown(&other.table().unwrap().of_ports(&zoo.ports)),
        );
        agree(
            || shown(&kernel.table_of_with_info(&zoo.ports).unwrap()),
            || shown(&other.table_with_info().unwrap().of_ports(&zoo.ports)),
        );
    }
}

#[test]
fn more_ports_than_a_filter_has_room_for_show_the_same_rows() {
    let zoo = zoo();
    let mut kernel = Kernel::sock_diag().unwrap();
    let many: Vec<u16> = zoo.ports.iter().copied().chain(1..500).collect();
    let mut other = Kernel::sock_diag().unwrap();
    agree(
        || shown(&kernel.table_of(&many).unwrap()),
        || shown(&other.table().unwrap().of_ports(&many)),
    );
}

#[test]
fn no_ports_have_no_rows() {
    let _zoo = (zoo(), udp_zoo());
    for mut kernel in kernels() {
        assert_eq!(kernel.table_of(&[]).unwrap(), Table::default());
        assert_eq!(kernel.table_of_with_info(&[]).unwrap(), Table::default());
        assert_eq!(kernel.udp_table_of(&[]).unwrap(), Table::default());
    }
}

#[test]
fn each_row_is_found_by_its_end() {
    let zoo = zoo();
    let show = |row: &Row| match row.state {
        State::Listen => row.end().to_string(), // of two on one address it may be the other one
        _ => show(row),
    };
    for (mut kernel, mut other) in kernels().into_iter().zip(kernels()) {
        agree(
            || {
                let rows = kernel.table_of(&zoo.ports).unwrap().rows;
                rows.iter().map(show).collect()
            },
            || {
                let ends = other.table_of(&zoo.ports).unwrap().rows;
                let found = ends.iter().map(|row| other.row(row.end()).unwrap());
                found.flatten().map(|row| show(&row)).collect()
            },
        );
    }
}

#[test]
fn figures_of_tcp_info_come_with_a_row_where_they_are_asked_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (_client, _server, end) = connected(&listener).unwrap();
    let mut kernel = Kernel::sock_diag().unwrap();
    let with_info = kernel.table_with_info().unwrap();
    let expected = with_info.find(end).unwrap();
    let row = kernel.row_with_info(end).unwrap().unwrap();
    assert_eq!((row.window, row.unsent), (expected.window, expected.unsent));
    assert_eq!(kernel.row(end).unwrap().unwrap().window, None);
}

#[test]
fn a_connection_that_is_gone_is_not_its_listener() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (client, mut server, end) = connected(&listener).unwrap();
    drop(client);
    server.read_to_end(&mut Vec::new()).unwrap();
    drop(server);
    for mut kernel in kernels() {
        let gone = || Ok(kernel.row(end.other())?.is_none().then_some(()));
        let gone = Deadline::after(PATIENCE).wait_for(gone).unwrap();
        assert!(gone.is_some(), "the last ACK has closed the server's end");
        let waits = kernel.row(end).unwrap().unwrap();
        assert_eq!(waits.state, State::TimeWait);
        let never = End::between(end.peer.unwrap(), "127.0.0.1:1".parse().unwrap());
        assert_eq!(kernel.row(never).unwrap(), None);
    }
}

#[test]
fn a_listener_is_found_on_its_own_address_only() {
    let one = TcpListener::bind("127.0.0.1:0").unwrap();
    let any = TcpListener::bind("0.0.0.0:0").unwrap();
    let at = |ip: &str, listener: &TcpListener| {
        let port = listener.local_addr().unwrap().port();
        End::listener(SocketAddr::new(ip.parse().unwrap(), port))
    };
    for mut kernel in kernels() {
        assert!(kernel.row(at("127.0.0.1", &one)).unwrap().is_some());
        let as_ipv6 = at("::ffff:127.0.0.1", &one);
        assert!(kernel.row(as_ipv6).unwrap().is_some(), "the same address");
        assert!(kernel.row(at("0.0.0.0", &any)).unwrap().is_some());
        for nobody in [at("0.0.0.0", &one), at("127.0.0.1", &any), at("::", &any)] {
            assert_eq!(kernel.row(nobody).unwrap(), None, "{nobody}");
        }
    }
}

#[test]
fn a_dual_stack_listener_of_the_loopback_interface_is_found_and_so_are_both_ends() {
    let dual = Listen {
        v6only: Some(false),
        ..Listen::default()
    };
    let Ok(listener) = dual.on("[::]:0".parse().unwrap()) else {
        return eprintln!("skipped: no IPv6 here");
    };
    SockRef::from(&listener).bind_device(Some(b"lo")).unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let end = End::of(&client).unwrap();
    for mut kernel in kernels() {
        let listening = kernel.row(End::of(&listener).unwrap()).unwrap().unwrap();
        assert_eq!(listening.state, State::Listen);
        // The kernel writes the addresses as IPv6 at the server's end.
        let servers = kernel.row(end.other()).unwrap().unwrap();
        assert!(servers.local.is_ipv6() && kernel.row(end).unwrap().unwrap().local.is_ipv4());
        let mut rows = kernel.table_of(&[port]).unwrap().rows;
        rows.retain(|row| row.state != State::TimeWait); // others may have left some at this port
        assert_eq!(rows.len(), 3);
    }
}

#[test]
fn of_many_ends_it_is_one() {
    // An address that no other process uses: its ports have no connections in TIME_WAIT.
    let [_, b, c, d] = std::process::id().to_be_bytes();
    let own = std::net::Ipv4Addr::new(127, 64 | b & 63, c, d);
    let listener = TcpListener::bind((own, 0)).unwrap();
    let all = End::all_to(listener.local_addr().unwrap());
    for mut kernel in kernels() {
        assert_eq!(kernel.row(all).unwrap(), None);
    }
    let _two = [connected(&listener).unwrap(), connected(&listener).unwrap()];
    for mut kernel in kernels() {
        let row = kernel.row(all).unwrap().unwrap();
        assert_eq!(row.peer, listener.local_addr().unwrap());
    }
}

#[test]
fn udp_sockets_are_found_by_port_and_by_end() {
    let (sockets, ports) = udp_zoo();
    for mut kernel in kernels() {
        let whole = kernel.udp_table().unwrap().of_ports(&ports);
        assert_eq!(kernel.udp_table_of(&ports).unwrap(), whole);
        assert_eq!(whole.rows.len(), sockets.len());
        for row in whole.rows {
            assert_eq!(kernel.row(row.end()).unwrap(), Some(row));
        }
        let end = End::of(&sockets[1]).unwrap(); // the connected one
        assert_eq!(kernel.row(end.other()).unwrap(), None);
    }
}

/// A listener with TCP_DEFER_ACCEPT: a client that says nothing stays in SYN_RECV at its end.
const DEFERS: &str = r#"
    my $listener = IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 8) or die $!;
    setsockopt($listener, 6, 9, pack("i", 30)) or die $!;
    $| = 1;
    print $listener->sockport, "\n";
    <STDIN>;
"#;

#[test]
fn an_end_in_syn_recv_is_shown_and_found() {
    if !installed("perl") {
        return;
    }
    let mut perl = Command::new("perl");
    perl.args(["-MIO::Socket::INET", "-e", DEFERS]);
    let mut perl = Program::start(perl.stdin(Stdio::piped()).stdout(Stdio::piped()));
    let mut line = String::new();
    let stdout = perl.child.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    let port: u16 = line.trim().parse().unwrap();
    let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let end = End::of(&client).unwrap();
    for mut kernel in kernels() {
        let row = kernel.row(end.other()).unwrap().unwrap();
        assert_eq!(row.state, State::SynRecv);
        let table = kernel.table_of(&[port]).unwrap();
        assert_eq!(table.find(end.other()).unwrap().state, State::SynRecv);
        let by_clients_port = kernel.table_of(&[end.local.port()]).unwrap();
        assert!(by_clients_port.find(end.other()).is_some());
        let listens = |row: &&Row| row.state == State::Listen && row.local.port() == port;
        assert!(
            table.rows.iter().any(|row| listens(&row)),
            "beside both ends: {table}"
        );
    }
}

#[test]
fn as_many_rows_as_ss_shows_with_such_a_filter() {
    if !installed("ss") {
        return;
    }
    let zoo = zoo();
    let mut kernel = Kernel::sock_diag().unwrap();
    let tests: Vec<String> = zoo
        .ports
        .iter()
        .map(|port| format!("sport = :{port} or dport = :{port}"))
        .collect();
    let filter = tests.join(" or ");
    let same = || {
        let mut ss = Command::new("ss");
        let output = run(ss.args(["-Htan", &filter]).stdout(Stdio::piped()), "");
        let lines = String::from_utf8_lossy(&output.stdout).lines().count();
        Ok((lines == kernel.table_of(&zoo.ports)?.rows.len()).then_some(lines))
    };
    let lines = Deadline::after(PATIENCE).wait_for(same).unwrap();
    assert!(lines > Some(8), "{lines:?}");
}
