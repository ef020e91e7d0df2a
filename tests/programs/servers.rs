//! The system calls that lesson `servers` counts, against strace.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    process::{Command, Stdio},
};

use crate::common::{PATIENCE, Program, installed, lesson, run};
use socket_workshop::{deadline::Deadline, folder::Temporary};

/// How many calls of each kind a connection costs: `accept`, `poll`, …, `others`.
type Calls = BTreeMap<String, f64>;

/// What the lesson prints for each of its four servers.
fn counted_by_the_lesson() -> Option<[Calls; 4]> {
    let output = run(lesson("servers").args(["--listen", "127.0.0.1:0"]), "");
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{told}");
    let mut servers = [const { Calls::new() }; 4];
    let table = told
        .lines()
        .skip_while(|line| !line.starts_with("accept   "));
    for line in table.take(6) {
        let mut cells = line.split_whitespace();
        let kind = cells.next().unwrap();
        for (calls, cell) in servers.iter_mut().zip(cells) {
            if cell == "?" {
                return None;
            }
            calls.insert(kind.to_owned(), cell.parse().unwrap());
        }
    }
    assert_eq!(servers[3].len(), 6, "{told}");
    Some(servers)
}

/// Connects, makes one call, and waits until the server has closed its end.
fn one_connection(server: SocketAddr) {
    let mut client = TcpStream::connect(server).unwrap();
    let mut answer = String::new();
    client.write_all(b"hello").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut timed = Deadline::after(PATIENCE).on(&client);
    timed.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "hello");
}

/// Waits until all of this number of threads sleep, in two looks in a row.
fn comes_to_wait(pid: u32, threads: usize) {
    let mut before = false;
    let look = || {
        let mut asleep = 0;
        for task in fs::read_dir(format!("/proc/{pid}/task"))? {
            let stat = fs::read_to_string(task?.path().join("stat")).unwrap_or_default();
            asleep += usize::from(stat.rsplit(") ").next().unwrap().starts_with('S'));
        }
        let now = asleep == threads;
        let both = now && before;
        before = now;
        Ok(both.then_some(()))
    };
    let waits = Deadline::after(PATIENCE).wait_for(look).unwrap();
    assert!(waits.is_some(), "the server does not come to wait");
}

/// What strace sees of a server while this many connections come. `None` if it may not look.
fn seen_by_strace(
    server: u32,
    addr: SocketAddr,
    threads: usize,
    connections: usize,
) -> Option<Calls> {
    let folder = Temporary::new().unwrap();
    let file = folder.path().join("strace");
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-p", &server.to_string(), "-o"])
        .arg(&file);
    let mut strace = Program::start(strace.stdin(Stdio::null()).stderr(Stdio::piped()));
    let mut said = String::new();
    let mut stderr = BufReader::new(strace.child.stderr.take().unwrap());
    stderr.read_line(&mut said).unwrap();
    if !said.contains("attached") {
        eprintln!("skipped: {said}");
        return None;
    }
    for _ in 0..connections {
        one_connection(addr);
        comes_to_wait(server, threads);
    }
    strace.interrupt();
    strace.wait();
    let mut calls = Calls::new();
    for line in fs::read_to_string(&file).unwrap().lines() {
        // `12345 accept4(3, …`, and not `12345 <... accept4 resumed>` or `12345 +++ exited`.
        let Some((name, _)) = line.split_once(' ').unwrap().1.trim_start().split_once('(') else {
            continue;
        };
        let kind = match name {
            "accept4" => "accept",
            "poll" | "ppoll" => "poll",
            "read" | "recvfrom" => "read",
            "write" | "sendto" => "write",
            "close" => "close",
            name if name.starts_with(['<', '-']) => continue,
            _ => "others",
        };
        *calls.entry(kind.to_owned()).or_default() += 1.0;
    }
    Some(calls)
}

#[test]
fn servers_counts_the_system_calls_that_strace_sees() {
    if !installed("strace") {
        return;
    }
    let Some(told) = counted_by_the_lesson() else {
        return eprintln!("skipped: no program may be traced here");
    };
    let designs = [
        ("one-by-one", 1),
        ("thread-each", 1),
        ("threads-stay", 4),
        ("poll", 1),
    ];
    for ((design, threads), told) in designs.into_iter().zip(told) {
        let mut command = lesson("servers");
        let (server, addr, _) =
            Program::serve(command.args(["serve", design, "--listen", "127.0.0.1:0"]));
        let pid = server.child.id();
        one_connection(addr);
        comes_to_wait(pid, threads);
        // What attaching and detaching adds is nearly the same both times: strace may miss, or
        // see twice, the call in which it finds a thread.
        let few = seen_by_strace(pid, addr, threads, 2);
        let Some((few, many)) = few.zip(seen_by_strace(pid, addr, threads, 22)) else {
            return;
        };
        for (kind, told) in told {
            let calls = |seen: &Calls| seen.get(&kind).copied().unwrap_or(0.0);
            let seen = (calls(&many) - calls(&few)) / 20.0;
            let differ = match (design, &*kind) {
                // A new thread finds the stack of an old one, or maps one by three calls.
                ("thread-each", "others") => 3.0,
                (_, "others") => 1.5,
                _ => 0.2,
            };
            assert!(
                (told - seen).abs() < differ,
                "{design}, {kind}: the lesson counts {told}, strace {seen}"
            );
        }
    }
}
