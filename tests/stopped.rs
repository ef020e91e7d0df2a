//! A program that is stopped and goes on, by Ctrl-Z and `fg` for instance: it keeps its deadlines.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::Command,
    thread,
    time::Duration,
};

use socket_workshop::{
    deadline::Deadline,
    threads::{Call, wait_in},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// The read is interrupted (signal(7), "Interruption of system calls and library functions by stop
/// signals"), and waits again. This test stops its own process: it is alone in its program.
#[test]
fn a_read_by_a_deadline_goes_on_after_a_stop() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    let reader = thread::spawn(move || {
        let mut buf = [0; 8];
        let n = Deadline::after(PATIENCE).on(&client).read(&mut buf);
        n.map(|n| buf[..n].to_vec())
    });
    assert_ne!(wait_in(Call::Read, 1), Some(false));
    let mut shell = Command::new("sh");
    let stops = shell
        .args(["-c", "kill -STOP $PPID; kill -CONT $PPID"])
        .status();
    assert!(stops.unwrap().success());
    server.write_all(b"go on").unwrap();
    assert_eq!(reader.join().unwrap().unwrap(), b"go on");
}
