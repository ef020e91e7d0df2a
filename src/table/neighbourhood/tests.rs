//! Looks without a dump against dumps, through the lives of connections.

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use socket2::{Domain, SockRef, Socket, Type};

use super::{Held, Neighbourhood, pair};
use crate::{
    deadline::Deadline,
    listen::Listen,
    peer::{accept_soon, connected, narrow},
    table::{
        End, Kernel, Row,
        State::{
            self, CloseWait, Established, FinWait1, FinWait2, Listen as Listening, SynSent,
            TimeWait,
        },
        Table,
    },
};

const PATIENCE: Duration = Duration::from_secs(20);

/// What is looked at, and the kernel.
struct Watch {
    kernel: Kernel,
    neighbourhood: Neighbourhood,
    /// What others have left at these ports.
    old: Vec<End>,
}

impl Watch {
    /// From now on: the first look is a dump.
    fn of(listeners: &[&TcpListener]) -> Watch {
        let port = |listener: &&TcpListener| listener.local_addr().unwrap().port();
        let ports: Vec<u16> = listeners.iter().map(port).collect();
        let mut watch = Watch {
            kernel: Kernel::sock_diag().unwrap(),
            neighbourhood: Neighbourhood::of(&ports),
            old: Vec::new(),
        };
        assert!(watch.look_up().is_none(), "nothing is known yet");
        let table = watch.neighbourhood.dump(&mut watch.kernel, false).unwrap();
        let old = table.rows.iter().filter(|row| row.state == TimeWait);
        watch.old = old.map(Row::end).collect();
        watch
    }

    /// A look without a dump. Another test's socket that is connecting makes one necessary once.
    fn look_without_dump(&mut self) -> Table {
        let looked = Deadline::after(PATIENCE).wait_for(|| Ok(self.look_up()));
        looked.unwrap().expect("a look without a dump")
    }

    fn look_up(&mut self) -> Option<Table> {
        self.neighbourhood.look_up(&mut self.kernel, false).unwrap()
    }

    /// A look without a dump shows the rows that a dump shows. The states are the rows' own,
    /// sorted.
    #[track_caller]
    fn agrees(&mut self, states: &[State]) {
        let mut states: Vec<String> = states.iter().map(State::to_string).collect();
        states.sort();
        let mut last = Default::default();
        let agreed = Deadline::after(PATIENCE).wait_for(|| {
            // Once, another test's socket that is connecting may make a dump necessary.
            let Some(looked) = self.look_up() else {
                return Ok(None);
            };
            let dumped = self.kernel.table_of(self.neighbourhood.ports())?;
            let new = looked
                .rows
                .iter()
                .filter(|row| !self.old.contains(&row.end()));
            let mut seen: Vec<String> = new.map(|row| row.state.to_string()).collect();
            seen.sort();
            last = (shown(&looked), shown(&dumped));
            Ok((last.0 == last.1 && seen == states).then_some(()))
        });
        assert!(agreed.unwrap().is_some(), "{states:?}: {last:#?}");
    }
}

/// All of a row but for its countdown.
fn shown(table: &Table) -> BTreeSet<String> {
    let show = |row: &Row| {
        let timer = row.timer.map(|timer| timer.kind);
        let row = Row {
            timer: None,
            ..row.clone()
        };
        format!("{row:?} {timer:?}")
    };
    table.rows.iter().map(show).collect()
}

/// A listener of each kind, and the address that its clients connect to.
fn listeners() -> Vec<(TcpListener, SocketAddr)> {
    let v4 = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = v4.local_addr().unwrap();
    let mut listeners = vec![(v4, addr)];
    if let Ok(v6) = TcpListener::bind("[::1]:0") {
        let addr = v6.local_addr().unwrap();
        listeners.push((v6, addr));
        let dual = Listen {
            v6only: Some(false),
            ..Listen::default()
        };
        let dual = dual.on("[::]:0".parse().unwrap()).unwrap();
        let as_v4 = SocketAddr::from(([127, 0, 0, 1], dual.local_addr().unwrap().port()));
        listeners.push((dual, as_v4));
    }
    listeners
}

#[test]
fn looks_show_what_dumps_show_from_the_listener_to_time_wait() {
    for (listener, addr) in listeners() {
        let mut watch = Watch::of(&[&listener]);
        watch.agrees(&[Listening]);
        let mut client = TcpStream::connect(addr).unwrap();
        watch.agrees(&[Listening, Established, Established]); // one waits in the accept queue
        let mut server = accept_soon(&listener).unwrap();
        client.write_all(b"unread").unwrap();
        watch.agrees(&[Listening, Established, Established]);
        client.shutdown(Shutdown::Write).unwrap();
        watch.agrees(&[Listening, FinWait2, CloseWait]);
        server.read_to_end(&mut Vec::new()).unwrap();
        drop(client); // an orphan
        watch.agrees(&[Listening, FinWait2, CloseWait]);
        drop(server);
        watch.agrees(&[Listening, TimeWait]);
        drop(listener);
        watch.agrees(&[TimeWait]);
    }
}

#[test]
fn looks_show_orphans_with_unsent_bytes_until_they_are_gone() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut watch = Watch::of(&[&listener]);
    let (client, mut server, end) = narrow(&listener).unwrap();
    watch.agrees(&[Listening, Established, Established]);
    client.set_nonblocking(true).unwrap();
    let _part = (&client).write(&[0; 64 << 10]).unwrap();
    drop(client);
    watch.agrees(&[Listening, FinWait1, Established]);
    server.read_to_end(&mut Vec::new()).unwrap();
    watch.agrees(&[Listening, FinWait2, CloseWait]);
    SockRef::from(&server)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(server); // a reset: both ends are gone
    watch.agrees(&[Listening]);
    let known = &watch.neighbourhood.connections;
    assert!(!known.contains_key(&pair(end)), "forgotten");
}

#[test]
fn a_socket_that_was_reset_or_refused_has_no_row_and_may_connect_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut watch = Watch::of(&[&listener]);
    let (_reset, server, _) = connected(&listener).unwrap();
    watch.agrees(&[Listening, Established, Established]);
    SockRef::from(&server)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(server);
    watch.agrees(&[Listening]); // the client's socket is open
    let client = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let nobody: SocketAddr = "127.0.0.1:1".parse().unwrap();
    client.connect(&nobody.into()).unwrap_err();
    watch.agrees(&[Listening]);
    let addr = listener.local_addr().unwrap();
    client.connect(&addr.into()).unwrap();
    watch.agrees(&[Listening, Established, Established]);
}

#[test]
fn a_socket_in_syn_sent_takes_one_dump() {
    let listener = Listen::with_backlog(0)
        .on("127.0.0.1:0".parse().unwrap())
        .unwrap();
    let addr = listener.local_addr().unwrap();
    let _queued = TcpStream::connect(addr).unwrap();
    let mut watch = Watch::of(&[&listener]);
    let dialer = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    dialer.set_nonblocking(true).unwrap();
    dialer.connect(&addr.into()).unwrap_err();
    let table = watch.neighbourhood.look(&mut watch.kernel, false).unwrap();
    assert!(
        table.rows.iter().any(|row| row.state == State::SynSent),
        "{table}"
    );
    watch.agrees(&[Listening, Established, Established, SynSent]);
}

#[test]
fn a_connection_that_came_and_went_between_two_looks_is_in_the_complete_table() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut watch = Watch::of(&[&listener]);
    let (client, mut server, end) = connected(&listener).unwrap();
    drop(client);
    server.read_to_end(&mut Vec::new()).unwrap();
    drop(server);
    assert_eq!(watch.look_without_dump().find(end), None);
    let table = watch
        .neighbourhood
        .complete(&mut watch.kernel, false)
        .unwrap();
    assert!(table.find(end).is_some(), "{table}");
    assert!(
        watch.look_without_dump().find(end).is_some(),
        "known from now on"
    );
}

#[test]
fn what_looks_have_missed_is_known_after_a_dump() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut watch = Watch::of(&[&listener]);
    assert!(!watch.neighbourhood.has_missed(&mut watch.kernel).unwrap());
    drop(connected(&listener).unwrap());
    assert!(watch.neighbourhood.has_missed(&mut watch.kernel).unwrap());
    assert!(!watch.neighbourhood.has_missed(&mut watch.kernel).unwrap());
}

#[test]
fn a_client_that_has_gone_already_leaves_its_connection_in_the_queue() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut watch = Watch::of(&[&listener]);
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    drop(client);
    assert!(
        watch.look_up().is_none(),
        "it takes a dump to know who waits"
    );
    watch.neighbourhood.look(&mut watch.kernel, false).unwrap();
    watch.agrees(&[Listening, FinWait2, CloseWait]);
    // One that is reset stays in the queue without a row, and must not cause a dump each time.
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    SockRef::from(&client)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(client);
    watch.neighbourhood.dump(&mut watch.kernel, false).unwrap();
    watch.agrees(&[Listening, FinWait2, CloseWait]);
}

#[test]
fn other_sockets_of_this_process_are_seen_where_they_are_wanted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut kernel = Kernel::sock_diag().unwrap();
    let mut alone = Neighbourhood::of(&[]);
    let mut all = Neighbourhood::of(&[]).with_own_sockets();
    for neighbourhood in [&mut alone, &mut all] {
        neighbourhood.dump(&mut kernel, false).unwrap();
    }
    let (_client, _server, end) = connected(&listener).unwrap();
    // Other tests of this program have sockets too, and may have too many to look up.
    for _ in 0..2 {
        let table = all.look(&mut kernel, false).unwrap();
        assert!(
            table.find(end).is_some() && table.find(end.other()).is_some(),
            "{table}"
        );
        let listens = |row: &Row| row.state == State::Listen && row.local == end.peer.unwrap();
        assert!(table.rows.iter().any(listens), "{table}");
        assert!(all.holds(table.find(end).unwrap().inode) && !all.holds(0));
        all.dump(&mut kernel, false).unwrap();
    }
    assert_eq!(alone.look(&mut kernel, false).unwrap(), Table::default());
}

#[test]
fn of_thousands_of_rows_of_other_ports_none_is_shown() {
    let foreign = TcpListener::bind("127.0.0.1:0").unwrap();
    for _ in 0..2000 {
        drop(connected(&foreign).unwrap());
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut watch = Watch::of(&[&listener]);
    let (_client, _server, _) = connected(&listener).unwrap();
    watch.agrees(&[Listening, Established, Established]);
    let held = watch.neighbourhood.held.values();
    let near = |end| watch.neighbourhood.is_near(end);
    let ours = held.filter(|held| matches!(held, Held::Connected(end) if near(*end)));
    assert_eq!(ours.count(), 2);
}
