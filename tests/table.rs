//! The socket table against witnesses that are not ours: `/proc` against netlink, the real netstat
//! and ss against both.

mod common;

use std::{
    collections::BTreeSet,
    io::Write,
    net::{TcpListener, TcpStream},
    process::{Command, Stdio},
    time::Duration,
};

use common::{
    PATIENCE, installed, run,
    zoo::{agree, udp_zoo, without_countdown, zoo},
};
use socket_workshop::{
    deadline::Deadline,
    listen::Listen,
    peer::{connected, set_min_ttl},
    table::{End, Kernel, Protocol, Row, State, Table},
};

fn rows(kernel: &mut Kernel, ports: &[u16], show: impl Fn(&Row) -> String) -> BTreeSet<String> {
    kernel
        .table()
        .unwrap()
        .of_ports(ports)
        .rows
        .iter()
        .map(show)
        .collect()
}

#[test]
fn netlink_and_proc_show_the_same_rows() {
    let zoo = zoo();
    let (mut netlink, mut proc) = (Kernel::sock_diag().unwrap(), Kernel::proc().unwrap());
    let show = |row: &Row| {
        format!(
            "{} inode {}",
            without_countdown(&format!("{row:#}")),
            row.inode
        )
    };
    agree(
        || rows(&mut netlink, &zoo.ports, show),
        || rows(&mut proc, &zoo.ports, show),
    );
    let table = netlink.table().unwrap().of_ports(&zoo.ports);
    let states: BTreeSet<&str> = table.rows.iter().map(|row| row.state.name()).collect();
    let all_but_syn_recv = [
        "CLOSE_WAIT",
        "CLOSING",
        "ESTABLISHED",
        "FIN_WAIT1",
        "FIN_WAIT2",
        "LAST_ACK",
        "LISTEN",
        "SYN_SENT",
        "TIME_WAIT",
    ];
    assert_eq!(states, all_but_syn_recv.into());
}

#[test]
fn netlink_and_proc_count_timers_alike() {
    let zoo = zoo();
    let (mut netlink, mut proc) = (Kernel::sock_diag().unwrap(), Kernel::proc().unwrap());
    let (left, right) = (netlink.table().unwrap(), proc.table().unwrap());
    let mut compared = 0;
    for row in left.of_ports(&zoo.ports).rows {
        let Some(timer) = row
            .timer
            .filter(|timer| timer.remaining > Duration::from_secs(30))
        else {
            continue;
        };
        let other = right
            .find(row.end())
            .and_then(|row| row.timer)
            .expect("a timer in /proc too");
        assert_eq!(timer.kind, other.kind);
        assert!(
            timer.remaining.abs_diff(other.remaining) < Duration::from_secs(5),
            "{timer:?} {other:?}"
        );
        compared += 1;
    }
    assert!(compared >= 2, "TIME_WAIT and keepalive");
}

#[test]
fn the_rows_are_those_of_the_real_netstat() {
    if !installed("netstat") {
        return;
    }
    let zoo = zoo();
    let mut kernel = Kernel::open().unwrap();
    agree(
        || rows(&mut kernel, &zoo.ports, |row| row.to_string()),
        || netstat("-nat", &zoo.ports),
    );
    agree(
        || {
            rows(&mut kernel, &zoo.ports, |row| {
                without_countdown(&format!("{row:#}"))
            })
        },
        || {
            netstat("-nato", &zoo.ports)
                .iter()
                .map(|line| without_countdown(line))
                .collect()
        },
    );
}

/// The lines of the real netstat with one of these ports at either end.
fn netstat(flags: &str, ports: &[u16]) -> BTreeSet<String> {
    let output = run(
        Command::new("netstat").arg(flags).stdout(Stdio::piped()),
        "",
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let port = |field: Option<&str>| field?.rsplit(':').next()?.parse().ok();
    let ours = |line: &&str| {
        let ends = [
            line.split_whitespace().nth(3),
            line.split_whitespace().nth(4),
        ];
        ends.into_iter()
            .filter_map(port)
            .any(|port: u16| ports.contains(&port))
    };
    text.lines().filter(ours).map(str::to_owned).collect()
}

#[test]
fn a_listeners_backlog_is_the_one_that_ss_shows() {
    if !installed("ss") {
        return;
    }
    let listener = Listen::with_backlog(17)
        .on("127.0.0.1:0".parse().unwrap())
        .unwrap();
    let _queued = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let port = listener.local_addr().unwrap().port();
    let filter = format!("sport = :{port}");
    let output = run(
        Command::new("ss")
            .args(["-Hltn", &filter])
            .stdout(Stdio::piped()),
        "",
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let fields: Vec<&str> = text.split_whitespace().collect();
    let table = Kernel::sock_diag().unwrap().table().unwrap();
    let row = table.find(End::of(&listener).unwrap()).unwrap();
    assert_eq!(
        fields[1..3],
        [row.recv_q.to_string(), row.backlog.unwrap().to_string()]
    );
    assert_eq!((row.recv_q, row.backlog, row.drops), (1, Some(17), Some(0)));
}

#[test]
fn a_window_is_the_one_that_ss_shows() {
    if !installed("ss") {
        return;
    }
    let small = Listen {
        recv_buffer: Some(8 << 10),
        ..Listen::default()
    };
    let listener = small.on("127.0.0.1:0".parse().unwrap()).unwrap();
    let (_client, _server, end) = connected(&listener).unwrap();
    let filter = format!("sport = :{}", end.local.port());
    let output = run(
        Command::new("ss")
            .args(["-Htni", &filter])
            .stdout(Stdio::piped()),
        "",
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let shown = text
        .split_whitespace()
        .find_map(|word| word.strip_prefix("snd_wnd:"));
    let Some(shown) = shown else {
        return eprintln!("skipped: this `ss`, or this kernel, does not show snd_wnd");
    };
    let table = Kernel::sock_diag().unwrap().table_with_info().unwrap();
    let row = table.find(end).unwrap();
    assert_eq!(Some(shown.parse().unwrap()), row.window);
    let listening = table.find(End::of(&listener).unwrap()).unwrap();
    assert_eq!(listening.window, None);
}

#[test]
fn data_segments_are_counted_as_ss_counts_them() {
    if !installed("ss") {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (client, server, end) = connected(&listener).unwrap();
    client.set_nodelay(true).unwrap();
    for piece in [b"one", b"two", b"six"] {
        (&client).write_all(piece).unwrap();
    }
    let all = || Ok((server.peek(&mut [0; 16])? == 9).then_some(()));
    Deadline::after(PATIENCE).wait_for(all).unwrap().unwrap();
    let filter = format!("sport = :{}", listener.local_addr().unwrap().port());
    let mut ss = Command::new("ss");
    let output = run(ss.args(["-Htin", &filter]).stdout(Stdio::piped()), "");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(" data_segs_in:3 "), "{text}");
    let table = Kernel::sock_diag().unwrap().table_with_info().unwrap();
    assert_eq!(table.find(end.other()).unwrap().segments_in, Some(3));
    // With the last segment of the handshake, which has no data. ss prints `segs_in` too.
    let received = table.find(end.other()).unwrap().received.unwrap();
    assert!(text.contains(&format!(" segs_in:{received} ")), "{text}");
    let row = table.find(End::of(&listener).unwrap()).unwrap();
    assert_eq!(row.segments_in, None);
}

#[test]
fn a_segment_that_is_sent_again_is_counted_at_both_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (client, server, end) = connected(&listener).unwrap();
    let look = || Kernel::sock_diag()?.table_with_info();
    let resent = |table: &Table| table.find(end).and_then(|row| row.resent);
    assert_eq!(resent(&look().unwrap()), Some(0));
    set_min_ttl(&client, 255).unwrap(); // no ACK of the server's gets through
    (&client).write_all(b"again").unwrap();
    let again = || Ok(resent(&look()?).filter(|resent| *resent > 0));
    let resent = Deadline::after(PATIENCE).wait_for(again).unwrap();
    assert!(resent.is_some(), "it has not been sent again");
    let came = |table: &Table| table.find(end.other()).and_then(|row| row.segments_in);
    let twice = || Ok(came(&look()?).filter(|came| *came > 1));
    let came = Deadline::after(PATIENCE).wait_for(twice).unwrap();
    assert!(came.is_some(), "it came once");
    drop(server);
}

#[test]
fn what_is_not_sent_yet_is_what_ss_calls_notsent() {
    if !installed("ss") {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mut client, _server, end) = connected(&listener).unwrap();
    client
        .set_write_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    client.write_all(&vec![0; 64 << 20]).unwrap_err(); // the window is closed, the send buffer full
    let filter = format!("dport = :{}", listener.local_addr().unwrap().port());
    let mut ss = Command::new("ss");
    let output = run(ss.args(["-Htin", &filter]).stdout(Stdio::piped()), "");
    let text = String::from_utf8(output.stdout).unwrap();
    let table = Kernel::sock_diag().unwrap().table_with_info().unwrap();
    let row = table.find(end).unwrap();
    let unsent = row.unsent.unwrap();
    assert!(0 < unsent && unsent <= row.send_q, "{row}: {unsent}");
    assert!(text.contains(&format!(" notsent:{unsent} ")), "{text}");
}

fn udp_rows(kernel: &mut Kernel, ports: &[u16], show: impl Fn(&Row) -> String) -> BTreeSet<String> {
    let table = kernel.udp_table().unwrap().of_ports(ports);
    table.rows.iter().map(show).collect()
}

#[test]
fn netlink_and_proc_show_the_same_udp_sockets() {
    let (sockets, ports) = udp_zoo();
    let (mut netlink, mut proc) = (Kernel::sock_diag().unwrap(), Kernel::proc().unwrap());
    let show = |row: &Row| format!("{row:#} inode {} drops {:?}", row.inode, row.drops);
    let (left, right) = (
        udp_rows(&mut netlink, &ports, show),
        udp_rows(&mut proc, &ports, show),
    );
    assert_eq!(left, right);
    assert_eq!(left.len(), sockets.len(), "{left:#?}");
    for socket in &sockets {
        let end = End::of(socket).unwrap();
        let table = netlink.udp_table().unwrap();
        let row = table.find(end).expect("each socket is found by its end");
        assert_eq!(row.end(), end);
        assert_eq!(row.is_unconnected(), end.peer.is_none());
    }
    let tcp = netlink.table().unwrap();
    assert!(tcp.rows.iter().all(|row| row.protocol == Protocol::Tcp));
}

#[test]
fn the_udp_rows_are_those_of_the_real_netstat() {
    if !installed("netstat") {
        return;
    }
    let (_sockets, ports) = udp_zoo();
    let mut kernel = Kernel::open().unwrap();
    let ours = udp_rows(&mut kernel, &ports, |row| row.to_string());
    assert_eq!(ours, netstat("-nau", &ports));
    let with_timers = udp_rows(&mut kernel, &ports, |row| format!("{row:#}"));
    assert_eq!(with_timers, netstat("-nauo", &ports));
}

#[test]
fn what_a_udp_socket_dropped_is_what_ss_counts() {
    if !installed("ss") {
        return;
    }
    let (sockets, ports) = udp_zoo();
    let filter = format!("sport = :{}", ports[0]);
    let mut ss = Command::new("ss");
    let output = run(ss.args(["-Huanm", &filter]).stdout(Stdio::piped()), "");
    let text = String::from_utf8(output.stdout).unwrap();
    let table = Kernel::open().unwrap().udp_table().unwrap();
    let row = table.find(End::of(&sockets[0]).unwrap()).unwrap();
    let dropped = row.drops.unwrap();
    assert!(0 < dropped && dropped < 100, "{row}: {dropped}");
    assert!(text.contains(&format!(",d{dropped})")), "{text}");
    let fields: Vec<&str> = text.split_whitespace().collect();
    assert_eq!(fields[..2], ["UNCONN", &row.recv_q.to_string()]);
    sockets[0].set_nonblocking(true).unwrap();
    let came = std::iter::from_fn(|| sockets[0].recv(&mut [0; 64]).ok()).count();
    assert_eq!(came as u32 + dropped, 100);
}

#[test]
fn a_row_is_netstats_line_to_the_letter() {
    let row = Row {
        protocol: Protocol::Tcp,
        state: State::Listen,
        local: "127.0.0.1:8330".parse().unwrap(),
        peer: "0.0.0.0:0".parse().unwrap(),
        recv_q: 0,
        send_q: 0,
        backlog: Some(128),
        drops: Some(0),
        window: None,
        segments_in: None,
        received: None,
        resent: None,
        unsent: None,
        timer: None,
        inode: 1,
    };
    let line = "tcp        0      0 127.0.0.1:8330          0.0.0.0:*               LISTEN     ";
    assert_eq!(row.to_string(), line);
}
