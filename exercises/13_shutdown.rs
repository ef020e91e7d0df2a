//! Exercise 13: STUB.

use std::process::ExitCode;

pub fn stub() {
    todo!("STUB")
}

fn main() -> ExitCode {
    socket_workshop::checks::shutdown::SUITE.examine(stub)
}
