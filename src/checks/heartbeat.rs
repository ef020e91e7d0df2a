//! Checks of exercise 5.

use std::{io, net::TcpStream, time::Duration};

use super::Exercise;
use crate::exam::{Case, Suite};

/// Exercise 5.
pub const EXERCISE: Exercise = Exercise {
    number: 5,
    name: "heartbeat",
    task: "STUB",
    hints: ["", "", ""],
    checks: || SUITE.names(),
};

/// What exercise 5 is held to.
pub const SUITE: Suite<Answer> = Suite {
    exercise: EXERCISE.name,
    checks: &[],
    cause: likely,
};

/// The student's function.
pub type Answer = fn(&TcpStream, Duration, u32) -> io::Result<Ended>;

/// How a watched connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The peer has closed.
    Closed,
    /// The peer has answered no ping.
    Silent,
    /// The peer has reset the connection.
    Reset,
}

fn likely(_: &Case) -> Option<String> {
    None
}
