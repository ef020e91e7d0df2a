//! A network of our own with a small table of connections. A test file of its own, because the
//! whole process must be in that network.

use std::{
    fs, io,
    net::{TcpListener, TcpStream},
    process::ExitCode,
};

use socket_workshop::{
    namespace,
    table::{Kernel, State},
};

fn main() -> ExitCode {
    let before = settings();
    if let Err(error) = namespace::enter_with_buckets(60) {
        eprintln!("skipped: {error}");
        return ExitCode::SUCCESS;
    }
    let buckets = setting("tcp_ehash_entries").unwrap();
    assert_eq!(buckets, "64", "60, rounded up to a power of 2");
    assert_eq!(settings(), before, "what the kernel derives from it");
    connections_are_shown();
    ExitCode::SUCCESS
}

/// The settings that the kernel would make smaller with the table.
fn settings() -> [Option<String>; 2] {
    ["tcp_max_tw_buckets", "tcp_max_syn_backlog"].map(|name| setting(name).ok())
}

fn setting(name: &str) -> io::Result<String> {
    let text = fs::read_to_string(format!("/proc/sys/net/ipv4/{name}"))?;
    Ok(text.trim().to_owned())
}

/// More connections than buckets, and none of the machine's.
fn connections_are_shown() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let connections: Vec<_> = (0..100)
        .map(|_| {
            (
                TcpStream::connect(addr).unwrap(),
                listener.accept().unwrap(),
            )
        })
        .collect();
    let table = Kernel::open().unwrap().table().unwrap();
    let established = table
        .rows
        .iter()
        .filter(|row| row.state == State::Established);
    assert_eq!(established.count(), 2 * connections.len());
}
