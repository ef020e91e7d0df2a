//! The program `kv`, as it is run: no descriptors, no threads, too many clients, a full
//! store, Ctrl-C.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    os::unix::process::CommandExt,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::common::{
    PATIENCE, Program, installed, lesson, limited, processor_time, read_until, run,
};
use nix::sys::signal::Signal;
use socket_workshop::{
    deadline::Deadline,
    kv::{CALL_LIMIT, Client, OVERHEAD},
    table::{End, Kernel, State},
};

const PUT: &[u8] =
    b"{\"method\":\"KV.Put\",\"params\":[{\"Key\":\"a\",\"Value\":\"b\"}],\"id\":0}\n";
const DONE: &str = "{\"id\":0,\"result\":{},\"error\":null}\n";

fn server(arguments: &[&str]) -> (Program, SocketAddr, impl BufRead) {
    Program::serve(
        lesson("kv")
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(arguments),
    )
}

/// The server under a limit of `prlimit`'s (util-linux).
fn limited_server(limit: &str) -> Command {
    let mut command = limited(limit, "kv");
    command.args(["serve", "--listen", "127.0.0.1:0"]);
    command
}

#[track_caller]
fn answered(mut stream: &TcpStream) {
    stream.write_all(PUT).unwrap();
    let mut answer = vec![0; DONE.len()];
    Deadline::after(PATIENCE)
        .on(stream)
        .read_exact(&mut answer)
        .unwrap();
    assert_eq!(String::from_utf8(answer).unwrap(), DONE);
}

#[test]
fn without_descriptors_it_neither_ends_nor_spins_and_makes_room() {
    if !installed("prlimit") {
        return;
    }
    let (program, addr, _said) = Program::serve(&mut limited_server("--nofile=24"));
    let mut clients: Vec<TcpStream> = (0..40).map(|_| TcpStream::connect(addr).unwrap()).collect();
    answered(&clients[0]);
    // Some are still in the accept queue: no descriptor is left for them.
    let mut kernel = Kernel::open().unwrap();
    let mut queued = || {
        kernel
            .table()
            .unwrap()
            .find(End::listener(addr))
            .unwrap()
            .recv_q
    };
    assert!(queued() > 10);
    let (started, used) = (Instant::now(), processor_time(&program));
    // A second of want is the subject: a server that spins would use most of it.
    let last = clients.pop().unwrap();
    assert!(
        Deadline::after(Duration::from_secs(1))
            .on(&last)
            .read(&mut [0])
            .is_err()
    );
    let share = (processor_time(&program) - used) as f64 / 100.0 / started.elapsed().as_secs_f64();
    assert!(share < 0.2, "it used {share} of a processor");
    // Nobody leaves: the connections that have been silent for longest make room.
    answered(&last);
    let mut first = Deadline::after(PATIENCE).on(&clients[0]);
    assert_eq!(first.read(&mut [0]).unwrap(), 0, "a FIN, not a reset");
}

#[test]
fn without_threads_it_neither_ends_nor_drops_who_waits() {
    if !installed("prlimit") {
        return;
    }
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: only root can give a program a user of its own, whose threads are few");
        return;
    }
    let mut command = limited_server("--nproc=8");
    let mut program = match command.uid(61_234).gid(61_234).spawn() {
        Ok(child) => Program { child, stdin: None },
        Err(error) => panic!("{error}"),
    };
    let mut said = BufReader::new(program.child.stdout.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    let Some(addr) = line
        .strip_prefix("listening on ")
        .and_then(|line| line.split(';').next())
    else {
        eprintln!("skipped: another user may not run the program here ({line:?})");
        return;
    };
    let addr: SocketAddr = addr.parse().unwrap();
    let mut clients: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(addr).unwrap()).collect();
    answered(&clients[0]);
    let last = clients.pop().unwrap();
    (&last).write_all(PUT).unwrap();
    assert!(
        Deadline::after(Duration::from_millis(300))
            .on(&last)
            .read(&mut [0])
            .is_err(),
        "no thread for it"
    );
    clients.clear(); // their threads end
    let mut answer = vec![0; DONE.len()];
    Deadline::after(PATIENCE)
        .on(&last)
        .read_exact(&mut answer)
        .unwrap();
    assert_eq!(String::from_utf8(answer).unwrap(), DONE);
}

#[test]
fn past_max_connections_a_client_waits_and_is_served_in_the_end() {
    let (_program, addr, _said) = server(&["--max-connections", "2"]);
    let clients = [(); 2].map(|()| TcpStream::connect(addr).unwrap());
    clients.iter().for_each(answered);
    let third = TcpStream::connect(addr).unwrap();
    (&third).write_all(PUT).unwrap();
    assert!(
        Deadline::after(Duration::from_millis(200))
            .on(&third)
            .read(&mut [0])
            .is_err(),
        "it waits"
    );
    drop(clients);
    let mut answer = vec![0; DONE.len()];
    Deadline::after(PATIENCE)
        .on(&third)
        .read_exact(&mut answer)
        .unwrap();
}

#[test]
fn an_idle_client_is_closed() {
    let (_program, addr, _said) = server(&["--idle", "50ms"]);
    let client = TcpStream::connect(addr).unwrap();
    answered(&client);
    let mut rest = Vec::new();
    let mut client = Deadline::after(PATIENCE).on(&client);
    client.read_to_end(&mut rest).unwrap();
    assert!(rest.is_empty(), "{rest:?}");
}

/// A client whose second request has come in half: the server has read it, and waits for the rest.
fn half_a_request(addr: SocketAddr) -> TcpStream {
    let mut client = TcpStream::connect(addr).unwrap();
    answered(&client);
    client.write_all(&PUT[..20]).unwrap();
    let end = End::of(&client).unwrap();
    let mut kernel = Kernel::open().unwrap();
    // On a busy machine bytes take a moment on loopback, too: first they must have arrived.
    let arrived = || Ok(kernel.row(end)?.filter(|row| row.send_q == 0).map(drop));
    let arrived = Deadline::after(PATIENCE).wait_for(arrived).unwrap();
    assert!(arrived.is_some(), "no acknowledgment comes");
    let read = || {
        let row = kernel.row(end.other())?;
        Ok(row.filter(|row| row.recv_q == 0).map(drop))
    };
    let read = Deadline::after(PATIENCE).wait_for(read).unwrap();
    assert!(read.is_some(), "the server does not read");
    client
}

/// Waits until the kernel shows no listener any more: the stop has been heard.
fn wait_for_the_stop(addr: SocketAddr) {
    let mut kernel = Kernel::open().unwrap();
    let closed = || {
        Ok(kernel
            .table()?
            .find(End::listener(addr))
            .is_none()
            .then_some(()))
    };
    assert!(
        Deadline::after(PATIENCE)
            .wait_for(closed)
            .unwrap()
            .is_some()
    );
}

/// How long a server that stops waits for calls under way.
const GRACE: Duration = Duration::from_secs(2);

/// Runs a test again if it came too late: on a busy machine the grace may be over before it goes on.
fn within_the_grace(test: fn() -> Result<(), Late>) {
    let begun = Instant::now();
    while test().is_err() {
        assert!(begun.elapsed() < PATIENCE, "late each time");
    }
}

/// The grace was over before the test could go on.
struct Late;

#[test]
fn ctrl_c_answers_what_is_under_way_closes_with_fin_and_says_the_totals() {
    within_the_grace(ctrl_c_answers_what_is_under_way);
}

fn ctrl_c_answers_what_is_under_way() -> Result<(), Late> {
    let (mut program, addr, mut said) = server(&[]);
    let idle: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(addr).unwrap()).collect();
    idle.iter().for_each(answered);
    let mut under_way = half_a_request(addr);

    let interrupted = Instant::now();
    program.interrupt();
    wait_for_the_stop(addr);
    assert!(TcpStream::connect(addr).is_err(), "accept has stopped");
    for client in &idle {
        // End of file; a reset would be an error.
        assert_eq!(
            Deadline::after(PATIENCE).on(client).read(&mut [0]).unwrap(),
            0
        );
    }
    let mut answer = String::new();
    let answered = under_way.write_all(&PUT[20..]).and_then(|()| {
        let mut under_way = Deadline::after(PATIENCE).on(&under_way);
        under_way.read_to_string(&mut answer)
    });
    if answer != DONE && interrupted.elapsed() >= GRACE {
        return Err(Late);
    }
    answered.unwrap();
    assert_eq!(answer, DONE);
    drop((idle, under_way));
    assert_eq!(program.wait().code(), Some(0));
    let mut totals = String::new();
    said.read_to_string(&mut totals).unwrap();
    assert_eq!(totals, "22 calls on 21 connections (0 failed)\n");
    Ok(())
}

/// A connection that is closed with bytes unread, or written to after it was closed, sends RST. It
/// is the client that then reports ECONNRESET, or EPIPE at its next write.
#[test]
fn sigterm_under_load_answers_every_call_that_was_read_and_resets_nobody() {
    let (mut program, addr, mut said) = server(&[]);
    let limit = Deadline::after(PATIENCE);
    let calls = || {
        let mut client = Client::dial(&[addr], CALL_LIMIT).unwrap();
        let mut answered = 0;
        loop {
            match client.put("subject", "6.824") {
                Ok(()) => answered += 1,
                Err(error) if error.to_string().ends_with("before it answered") => return answered,
                Err(error) => panic!("{error}"),
            }
            assert!(!limit.passed(), "the server goes on");
        }
    };
    let answered: u32 = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..8).map(|_| scope.spawn(calls)).collect();
        let mut kernel = Kernel::open().unwrap();
        let all_are_served = limit.wait_for(|| {
            let table = kernel.table()?;
            let served = table.rows.iter().filter(|row| {
                row.local == addr && row.state == State::Established && row.inode != 0
            });
            Ok((served.count() == 8).then_some(()))
        });
        all_are_served.unwrap().expect("eight clients call");
        program.signal(Signal::SIGTERM);
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .sum()
    });
    assert_eq!(program.wait().code(), Some(0));
    let mut totals = String::new();
    said.read_to_string(&mut totals).unwrap();
    let expected = format!("{answered} calls on 8 connections (0 failed)\n");
    assert_eq!(
        totals, expected,
        "calls that were read, and calls that were answered"
    );
}

#[test]
fn a_second_ctrl_c_leaves_at_once_with_130() {
    within_the_grace(|| {
        let (mut program, addr, _said) = server(&[]);
        let _under_way = half_a_request(addr);
        let interrupted = Instant::now();
        program.interrupt();
        wait_for_the_stop(addr);
        program.interrupt();
        if interrupted.elapsed() >= GRACE {
            return Err(Late);
        }
        assert_eq!(program.wait().code(), Some(130));
        Ok(())
    });
}

#[test]
fn put_and_get_are_commands() {
    let (_program, addr, _said) = server(&[]);
    let addr = addr.to_string();
    let put = run(
        lesson("kv").args(["put", "subject", "6.824", "--to", &addr]),
        "",
    );
    assert!(put.status.success());
    assert_eq!(put.stdout, b"Put(subject, 6.824) done\n");
    let get = run(lesson("kv").args(["get", "subject", "--to", &addr]), "");
    assert_eq!(
        (get.status.code(), &get.stdout[..]),
        (Some(0), &b"6.824\n"[..])
    );
    let missing = run(lesson("kv").args(["get", "no such key", "--to", &addr]), "");
    assert_eq!(
        (missing.status.code(), &missing.stdout[..]),
        (Some(1), &b""[..])
    );
    assert_eq!(
        missing.stderr,
        format!("kv: no key `no such key` at {addr}\n").as_bytes()
    );
}

#[test]
fn clients_of_many_threads_see_what_the_others_put() {
    let (_program, addr, _said) = server(&[]);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || {
                let mut client = Client::dial(&[addr], CALL_LIMIT).unwrap();
                for call in 0..100 {
                    let key = format!("{thread}/{call}");
                    client.put(&key, &key).unwrap();
                    assert_eq!(client.get(&key).unwrap(), Some(key));
                }
            });
        }
    });
    assert_eq!(
        Client::dial(&[addr], CALL_LIMIT)
            .unwrap()
            .get("7/99")
            .unwrap()
            .as_deref(),
        Some("7/99")
    );
}

/// The resident memory of a program, in bytes.
fn resident(program: &Program) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", program.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes: usize = line.unwrap().trim_end_matches("kB").trim().parse().unwrap();
    kibibytes << 10
}

#[test]
fn a_full_store_refuses_a_put_goes_on_and_takes_no_more_memory_than_it_says() {
    const MAX: usize = 8 << 20;
    let (program, addr, _said) = server(&["--max-memory", "8MiB"]);
    let mut client = Client::dial(&[addr], CALL_LIMIT).unwrap();
    client.put("first", &"v".repeat(60_000)).unwrap();
    let before = resident(&program);

    // Small entries cost the most beside their bytes. They are sent together, in batches.
    let mut stream = TcpStream::connect(addr).unwrap();
    let mut answers = BufReader::new(Deadline::after(PATIENCE).on(stream.try_clone().unwrap()));
    let mut stored = 0;
    let refused = 'full: loop {
        let puts: String = (stored..stored + 500)
            .map(|n| {
                format!(r#"{{"method":"KV.Put","params":[{{"Key":"{n:08}"}}],"id":{n}}}"#) + "\n"
            })
            .collect();
        answers.get_mut().renew(PATIENCE);
        stream.write_all(puts.as_bytes()).unwrap();
        for _ in 0..500 {
            let mut answer = String::new();
            answers.read_line(&mut answer).unwrap();
            if answer != format!("{{\"id\":{stored},\"result\":{{}},\"error\":null}}\n") {
                break 'full answer;
            }
            stored += 1;
        }
        assert!(stored <= MAX / 100, "the store is not limited");
    };
    assert_eq!(stored, (MAX - 60_000 - 5 - OVERHEAD) / (8 + OVERHEAD));
    assert!(
        refused.contains(r#""result":null,"error":"the store is full: "#),
        "{refused}"
    );
    let taken = resident(&program) - before;
    assert!(
        taken < MAX * 5 / 4,
        "{taken} bytes for entries of at most {MAX}"
    );

    // It still answers. A value in place of a longer one counts by the difference.
    assert_eq!(client.get("00000000").unwrap().as_deref(), Some(""));
    let error = client.put("another", "value").unwrap_err().to_string();
    assert!(error.contains("(serve --max-memory)"), "{error}");
    let mut client = Client::dial(&[addr], CALL_LIMIT).unwrap();
    assert_eq!(client.get("another").unwrap(), None);
    client.put("first", "short").unwrap();
    client.put("another", "value").unwrap();
}

#[test]
fn nc_can_call_by_hand() {
    if !installed("nc") {
        return;
    }
    let (_program, addr, _said) = server(&[]);
    let calls = r#"{"method":"KV.Put","params":[{"Key":"a","Value":"b"}],"id":"by hand"}
{"method":"KV.Get","params":[{"Key":"a"}],"id":2}
"#;
    let answers = r#"{"id":"by hand","result":{},"error":null}
{"id":2,"result":{"Value":"b"},"error":null}
"#;
    let nc = |flags: &[&str]| {
        let mut command = Command::new("nc");
        let addr = [addr.ip().to_string(), addr.port().to_string()];
        command.args(flags).args(addr).stdout(Stdio::piped());
        command
    };
    // -N half-closes at the end of the input, and nc ends when the server has closed.
    let output = run(&mut nc(&["-N"]), calls);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), answers);
    // Debian's -q half-closes too, and nc ends after that many seconds.
    let mut nc = Program::start(nc(&["-q", "60"]).stdin(Stdio::piped()));
    let mut stdin = nc.stdin.take().unwrap();
    if stdin.write_all(calls.as_bytes()).is_ok() {
        drop(stdin);
        let mut heard = String::new();
        let read = read_until(&mut nc.child.stdout.take().unwrap(), &mut heard, answers);
        assert!(read || heard.is_empty(), "{heard}"); // another nc may not know -q
    }
    let stream = TcpStream::connect(addr).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(
        Deadline::after(PATIENCE)
            .on(&stream)
            .read(&mut [0])
            .unwrap(),
        0
    );
}
