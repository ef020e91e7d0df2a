//! Exercise 20: STUB.

use std::process::ExitCode;

pub fn stub() {
    todo!("STUB")
}

fn main() -> ExitCode {
    workshop::checks::handshake::SUITE.examine(stub)
}
