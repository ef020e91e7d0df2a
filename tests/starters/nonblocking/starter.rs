//! Exercise 10: STUB.

use std::process::ExitCode;

pub fn stub() {
    todo!("STUB")
}

fn main() -> ExitCode {
    socket_workshop::checks::nonblocking::SUITE.examine(stub)
}
