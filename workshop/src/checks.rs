//! What the exercises are held to: a module of checks for each, and the list of them all.

pub mod backlog;
pub mod close;
pub mod datagrams;
pub mod deadlines;
mod delay;
pub mod dialer;
pub mod echo;
mod full;
pub mod handshake;
pub mod headers;
pub mod heartbeat;
pub mod kv;
pub mod latency;
pub mod listener;
pub mod nonblocking;
pub mod proxy;
mod queue;
pub mod reuseaddr;
pub mod shutdown;
pub mod states;
pub mod tftp;
pub mod transfer;
pub mod window;

/// An exercise: where it is, what it belongs to, and what helps.
#[derive(Debug)]
pub struct Exercise {
    /// Its number, by which its file begins.
    pub number: usize,
    /// Its name, and its lesson's.
    pub name: &'static str,
    /// What is to be built, in a line.
    pub task: &'static str,
    /// To be given one at a time.
    pub hints: [&'static str; 3],
    /// The names of its checks.
    pub checks: fn() -> Vec<&'static str>,
}

/// All exercises, in the order in which they are to be done.
pub const EXERCISES: &[Exercise] = &[
    listener::EXERCISE,
    dialer::EXERCISE,
    echo::EXERCISE,
    deadlines::EXERCISE,
    heartbeat::EXERCISE,
    reuseaddr::EXERCISE,
    kv::EXERCISE,
    close::EXERCISE,
    states::EXERCISE,
    nonblocking::EXERCISE,
    window::EXERCISE,
    backlog::EXERCISE,
    shutdown::EXERCISE,
    latency::EXERCISE,
    proxy::EXERCISE,
    transfer::EXERCISE,
    datagrams::EXERCISE,
    tftp::EXERCISE,
    headers::EXERCISE,
    handshake::EXERCISE,
];

impl Exercise {
    /// `03_echo`.
    #[must_use]
    pub fn file_stem(&self) -> String {
        format!("{:02}_{}", self.number, self.name)
    }

    /// `exercises/03_echo.rs`, in the checkout.
    #[must_use]
    pub fn path(&self) -> String {
        format!("exercises/{}.rs", self.file_stem())
    }
}
