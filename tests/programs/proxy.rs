//! The program `proxy`, as it is run: no descriptors, too many clients.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    process::Command,
    time::{Duration, Instant},
};

use crate::common::{PATIENCE, Program, installed, lesson, limited, processor_time};
use socket_workshop::{
    deadline::Deadline,
    table::{End, Kernel},
};

/// An echo server, and a proxy in front of it.
struct Proxied {
    _echo: Program,
    proxy: Program,
    addr: SocketAddr,
}

fn proxied(mut command: Command, arguments: &[&str]) -> Proxied {
    let (echo, server, _) =
        Program::serve(lesson("echo").args(["serve", "--listen", "127.0.0.1:0"]));
    command.args([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--to",
        &server.to_string(),
    ]);
    let (proxy, addr, _) = Program::serve(command.args(arguments));
    Proxied {
        _echo: echo,
        proxy,
        addr,
    }
}

/// Connects a client and sends what the server is to echo.
fn client(addr: SocketAddr) -> TcpStream {
    let mut client = TcpStream::connect(addr).unwrap();
    client.write_all(b"hello").unwrap();
    client
}

/// Waits for the echo. A reset is an error.
#[track_caller]
fn echoed(client: &TcpStream) {
    let mut echo = [0; 5];
    let mut client = Deadline::after(PATIENCE).on(client);
    client.read_exact(&mut echo).unwrap();
    assert_eq!(&echo, b"hello");
}

/// How many clients wait in the accept queue.
fn queued(addr: SocketAddr) -> u32 {
    let table = Kernel::open().unwrap().table().unwrap();
    table.find(End::listener(addr)).unwrap().recv_q
}

#[test]
fn without_descriptors_clients_wait_in_the_accept_queue_and_none_is_reset() {
    if !installed("prlimit") {
        return;
    }
    let Proxied {
        _echo, proxy, addr, ..
    } = proxied(limited("--nofile=24", "proxy"), &[]);
    let clients: Vec<TcpStream> = (0..30).map(|_| client(addr)).collect();
    echoed(&clients[0]);
    let (started, used) = (Instant::now(), processor_time(&proxy));
    // A second of want is the subject: a proxy that spins would use most of it.
    let second = Duration::from_secs(1);
    let waits = Deadline::after(second).on(&clients[29]).read(&mut [0]);
    assert_eq!(waits.unwrap_err().kind(), ErrorKind::TimedOut);
    let share = (processor_time(&proxy) - used) as f64 / 100.0 / started.elapsed().as_secs_f64();
    assert!(share < 0.2, "it used {share} of a processor");
    assert!(queued(addr) >= 20, "no more than ten have two descriptors");
    // In their order: each one that ends leaves its descriptors to the next in the queue.
    for (number, client) in clients.into_iter().enumerate() {
        if number > 0 {
            echoed(&client);
        }
    }
}

#[test]
fn past_max_connections_clients_wait_and_are_served_in_the_end() {
    let Proxied {
        _echo,
        proxy: _proxy,
        addr,
    } = proxied(lesson("proxy"), &["--max-connections", "2"]);
    let mut clients: Vec<TcpStream> = (0..5).map(|_| client(addr)).collect();
    echoed(&clients[0]);
    echoed(&clients[1]);
    let short = Duration::from_millis(200);
    let waits = Deadline::after(short).on(&clients[2]).read(&mut [0]);
    assert_eq!(waits.unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(queued(addr), 3);
    drop(clients.drain(..2));
    for client in clients {
        echoed(&client);
    }
}
