//! Checks of exercise 1.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use super::Exercise;
use crate::exam::{Case, Suite};

/// Exercise 1.
pub const EXERCISE: Exercise = Exercise {
    number: 1,
    name: "listener",
    task: "STUB",
    hints: ["", "", ""],
    checks: || SUITE.names(),
};

/// What exercise 1 is held to.
pub const SUITE: Suite<Answer> = Suite {
    exercise: EXERCISE.name,
    checks: &[],
    cause: likely,
};

/// The student's function.
pub type Answer = (
    fn(SocketAddr, i32) -> io::Result<TcpListener>,
    fn(&TcpListener, &[u8]) -> io::Result<()>,
);

fn likely(_: &Case) -> Option<String> {
    None
}
