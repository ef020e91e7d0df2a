//! Exercise 8: STUB.

use std::process::ExitCode;

pub fn stub() {
    todo!("STUB")
}

fn main() -> ExitCode {
    socket_workshop::checks::close::SUITE.examine(stub)
}
