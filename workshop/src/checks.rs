//! What the exercises are held to: a module of checks for each, and the list of them all.

#[path = "../exercises/backlog/checks.rs"]
pub mod backlog;
#[path = "../exercises/close/checks.rs"]
pub mod close;
#[path = "../exercises/datagrams/checks.rs"]
pub mod datagrams;
#[path = "../exercises/deadlines/checks.rs"]
pub mod deadlines;
mod delay;
#[path = "../exercises/dialer/checks.rs"]
pub mod dialer;
#[path = "../exercises/echo/checks.rs"]
pub mod echo;
mod full;
#[path = "../exercises/handshake/checks.rs"]
pub mod handshake;
#[path = "../exercises/headers/checks.rs"]
pub mod headers;
#[path = "../exercises/heartbeat/checks.rs"]
pub mod heartbeat;
#[path = "../exercises/kv/checks.rs"]
pub mod kv;
#[path = "../exercises/latency/checks.rs"]
pub mod latency;
mod lent;
#[path = "../exercises/listener/checks.rs"]
pub mod listener;
mod more;
#[path = "../exercises/nonblocking/checks.rs"]
pub mod nonblocking;
#[path = "../exercises/proxy/checks.rs"]
pub mod proxy;
mod queue;
mod rest;
mod returned;
#[path = "../exercises/reuseaddr/checks.rs"]
pub mod reuseaddr;
#[path = "../exercises/servers/checks.rs"]
pub mod servers;
mod shut;
#[path = "../exercises/shutdown/checks.rs"]
pub mod shutdown;
mod silence;
#[path = "../exercises/states/checks.rs"]
pub mod states;
#[path = "../exercises/tftp/checks.rs"]
pub mod tftp;
#[path = "../exercises/transfer/checks.rs"]
pub mod transfer;
#[path = "../exercises/window/checks.rs"]
pub mod window;

use crate::exam::{Level, Stated};

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
    /// Its rules, each with the names of its checks.
    pub rules: fn() -> Vec<(Stated, Vec<&'static str>)>,
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
    servers::EXERCISE,
];

impl Exercise {
    /// `03_echo`.
    #[must_use]
    pub fn file_stem(&self) -> String {
        format!("{:02}_{}", self.number, self.name)
    }

    /// The names of its checks.
    #[must_use]
    pub fn checks(&self) -> Vec<&'static str> {
        let rules = (self.rules)().into_iter();
        rules.flat_map(|(_, checks)| checks).collect()
    }

    /// How many checks its rules of this level have.
    #[must_use]
    pub fn checks_of(&self, level: Level) -> usize {
        let rules = (self.rules)().into_iter();
        let of_level = rules.filter(|(rule, _)| rule.level == level);
        of_level.map(|(_, checks)| checks.len()).sum()
    }

    /// `exercises/03_echo.rs`, in the checkout.
    #[must_use]
    pub fn path(&self) -> String {
        format!("exercises/{}.rs", self.file_stem())
    }
}
