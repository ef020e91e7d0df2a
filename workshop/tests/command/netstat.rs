//! `cargo workshop netstat` as it is run, beside the real one.

use std::{
    io::{BufRead, BufReader, Write},
    net::{Shutdown, TcpListener, TcpStream, UdpSocket},
    process::{Command, Stdio},
    sync::{Mutex, PoisonError, mpsc},
    thread,
};

use crate::common::{PATIENCE, Program, installed, run};
use socket_workshop::{
    asking::Asking,
    deadline::Deadline,
    peer::connected,
    table::{End, Kernel, Row, State},
};
use workshop::watch::{View, marked};

fn workshop() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_workshop"));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// The lines that a program prints about a port, sorted.
fn lines(command: &mut Command, port: u16) -> Vec<String> {
    let output = run(command, "");
    assert!(output.status.success(), "{command:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let port = format!(":{port}");
    let of_port = |line: &&str| line.split_whitespace().any(|word| word.ends_with(&port));
    let mut lines: Vec<String> = text.lines().filter(of_port).map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn it_prints_what_netstat_prints_for_a_port() {
    if !installed("netstat") {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (mut unread, _quiet, _) = connected(&listener).unwrap();
    unread.write_all(b"unread").unwrap();
    let (half_closed, _open, _) = connected(&listener).unwrap();
    half_closed.shutdown(Shutdown::Write).unwrap();
    let mut both = Default::default();
    let agreed = Deadline::after(PATIENCE).wait_for(|| {
        let ours = lines(
            workshop().args(["netstat", "--port", &port.to_string()]),
            port,
        );
        let theirs = lines(
            Command::new("netstat").arg("-nat").stdout(Stdio::piped()),
            port,
        );
        let agreed = ours == theirs && ours.len() >= 5;
        both = (ours, theirs);
        Ok(agreed.then_some(()))
    });
    assert!(agreed.unwrap().is_some(), "{both:#?}");
}

#[test]
fn it_prints_udp_sockets_where_these_are_asked_for() {
    if !installed("netstat") {
        return;
    }
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.connect(server.local_addr().unwrap()).unwrap();
    client.send(b"unread").unwrap();
    let port = server.local_addr().unwrap().port();
    let without = workshop()
        .args(["netstat", "--port", &port.to_string()])
        .output();
    assert!(!String::from_utf8_lossy(&without.unwrap().stdout).contains("udp"));
    let with = ["netstat", "--udp", "--port", &port.to_string()];
    // The port may have been a TCP socket's, too, whose TIME_WAIT is still there.
    let of_udp = |command: &mut Command| -> Vec<String> {
        let lines = lines(command, port).into_iter();
        lines.filter(|line| line.starts_with("udp")).collect()
    };
    let ours = of_udp(workshop().args(with));
    let theirs = of_udp(Command::new("netstat").arg("-naut").stdout(Stdio::piped()));
    assert_eq!(ours, theirs);
    assert_eq!(ours.len(), 2);
}

/// The lines that a program prints, read by a thread of their own.
struct Lines(mpsc::Receiver<String>);

impl Lines {
    fn of(program: &mut Program) -> Lines {
        let (sender, lines) = mpsc::channel();
        let stdout = BufReader::new(program.child.stdout.take().unwrap());
        thread::spawn(move || {
            let lines = stdout.lines().map_while(Result::ok);
            lines
                .take_while(|line| sender.send(line.clone()).is_ok())
                .count()
        });
        Lines(lines)
    }

    /// All lines up to one that contains all these words.
    #[track_caller]
    fn until(&self, words: &[&str]) -> String {
        let mut seen = String::new();
        loop {
            let line = self.0.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("no line with {words:?} in\n{seen}"));
            seen += &format!("{line}\n");
            if words.iter().all(|word| line.contains(word)) {
                return seen;
            }
        }
    }
}

fn start_to_watch(port: u16) -> (Program, Lines) {
    let watch = ["netstat", "--watch", "--port", &port.to_string()];
    let mut program = Program::start(workshop().args(watch));
    let lines = Lines::of(&mut program);
    (program, lines)
}

/// As [`start_to_watch`], and it has shown the listener.
fn watch(port: u16) -> (Program, Lines) {
    let (program, lines) = start_to_watch(port);
    lines.until(&["LISTEN"]);
    (program, lines)
}

#[test]
fn watch_marks_what_changes_and_ends_with_ctrl_c() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mut program, lines) = watch(listener.local_addr().unwrap().port());
    let (mut client, server, _) = connected(&listener).unwrap();
    lines.until(&["ESTABLISHED", "<- new"]);
    client.write_all(b"hello").unwrap();
    lines.until(&["     5 ", "<- Recv-Q was 0"]);
    drop(server);
    lines.until(&["<- gone"]);
    program.interrupt();
    assert!(program.wait().success());
}

#[test]
fn says_what_a_udp_socket_has_dropped() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(socket.local_addr().unwrap()).unwrap();
    let mut kernel = Kernel::open().unwrap();
    let mut before = kernel.udp_table().unwrap();
    let is_ours = |row: &Row| row.end() == End::of(&socket).unwrap();
    before.rows.retain(is_ours);
    let mut after = before.clone();
    after.rows[0].drops = Some(3);
    after.rows[0].recv_q = 768;
    let mark = marked(&before, &after)[0].1.clone();
    assert_eq!(mark, Some("Recv-Q was 0, 3 dropped".to_owned()));
}

#[test]
fn says_what_is_new_what_changed_and_what_is_gone() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let mut kernel = Kernel::open().unwrap();
    let mut look = || kernel.table().unwrap().of_ports(&[addr.port()]);
    let mark = |rows: &[(_, Option<String>)], end| {
        let row = |(row, _): &&(Row, _)| row.end() == end;
        rows.iter().find(row).unwrap().1.clone()
    };

    let alone = look();
    let mut client = TcpStream::connect(addr).unwrap();
    let (server, _) = listener.accept().unwrap();
    let end = End::of(&client).unwrap();
    let open = look();
    let rows = marked(&alone, &open);
    assert_eq!(mark(&rows, End::of(&listener).unwrap()), None);
    assert_eq!(mark(&rows, end), Some("new".to_owned()));

    client.write_all(b"hello").unwrap();
    let rows = marked(&open, &look());
    assert_eq!(mark(&rows, end.other()), Some("Recv-Q was 0".to_owned()));

    let mut closed = open.clone();
    closed.rows.retain(|row| row.end() != end.other());
    closed
        .rows
        .iter_mut()
        .filter(|row| row.end() == end)
        .for_each(|row| row.state = State::FinWait2);
    let rows = marked(&open, &closed);
    assert_eq!(mark(&rows, end), Some("was ESTABLISHED".to_owned()));
    assert_eq!(mark(&rows, end.other()), Some("gone".to_owned()));
    drop(server);
}

#[test]
fn what_has_no_room_on_a_terminal_is_counted_and_the_listener_stays() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let clients: Vec<_> = (0..20).map(|_| TcpStream::connect(addr).unwrap()).collect();
    let mut table = Kernel::open().unwrap().table_of(&[addr.port()]).unwrap();
    // An earlier listener at this port may have left rows in TIME_WAIT.
    let ours: Vec<_> = (clients.iter().map(|client| client.local_addr().unwrap())).collect();
    table.rows.retain(|row| {
        row.end() == End::of(&listener).unwrap()
            || ours.contains(&row.local)
            || ours.contains(&row.peer)
    });
    let view = View::default();
    let lines = |height| view.lines(&marked(&table, &table), &[], 80, height);
    let shown = lines(12);
    assert_eq!(shown.len(), 10);
    assert!(shown[1].contains("LISTEN"), "{shown:#?}");
    assert_eq!(shown[9], "(not shown: 33 rows)");
    assert_eq!(lines(100).len(), 1 + 41);
    drop(clients);
}

/// The tests are one program, which can ask once at a time.
static ASKS: Mutex<()> = Mutex::new(());

#[test]
fn watch_waits_while_a_lesson_asks() {
    let _alone = ASKS.lock().unwrap_or_else(PoisonError::into_inner);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let (_program, lines) = watch(addr.port());
    let asking = Asking::begin().unwrap();
    lines.until(&["A lesson asks"]);
    let _client = TcpStream::connect(addr).unwrap();
    drop(asking);
    assert!(lines.until(&["ESTABLISHED"]).contains("<- new"));
}

#[test]
fn watch_shows_nothing_at_first_while_a_lesson_asks() {
    let _alone = ASKS.lock().unwrap_or_else(PoisonError::into_inner);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asking = Asking::begin().unwrap();
    let (_program, lines) = start_to_watch(port);
    assert!(!lines.until(&["A lesson asks"]).contains("LISTEN"));
    drop(asking);
    lines.until(&["LISTEN"]);
}
