//! Exercise 15: STUB.

use std::process::ExitCode;

pub fn stub() {
    todo!("STUB")
}

fn main() -> ExitCode {
    socket_workshop::checks::proxy::SUITE.examine(stub)
}
