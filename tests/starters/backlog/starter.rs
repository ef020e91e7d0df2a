//! Exercise 12: STUB.

use std::process::ExitCode;

pub fn stub() {
    todo!("STUB")
}

fn main() -> ExitCode {
    socket_workshop::checks::backlog::SUITE.examine(stub)
}
