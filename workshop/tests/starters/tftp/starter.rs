//! Exercise 18: STUB.

use std::process::ExitCode;

pub fn stub() {
    todo!("STUB")
}

fn main() -> ExitCode {
    workshop::checks::tftp::SUITE.examine(stub)
}
