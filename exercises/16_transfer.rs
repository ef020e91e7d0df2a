//! Exercise 16: STUB.

use std::process::ExitCode;

pub fn stub() {
    todo!("STUB")
}

fn main() -> ExitCode {
    workshop::checks::transfer::SUITE.examine(stub)
}
