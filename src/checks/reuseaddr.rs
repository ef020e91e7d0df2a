//! Checks of exercise 6.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use super::Exercise;
use crate::exam::{Case, Suite};

/// Exercise 6.
pub const EXERCISE: Exercise = Exercise {
    number: 6,
    name: "reuseaddr",
    task: "STUB",
    hints: ["", "", ""],
    checks: || SUITE.names(),
};

/// What exercise 6 is held to.
pub const SUITE: Suite<Answer> = Suite {
    exercise: EXERCISE.name,
    checks: &[],
    cause: likely,
};

/// The student's function.
pub type Answer = fn(SocketAddr) -> io::Result<TcpListener>;

fn likely(_: &Case) -> Option<String> {
    None
}
