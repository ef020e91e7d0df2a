//! Exercise 19: STUB.

use std::process::ExitCode;

pub fn stub() {
    todo!("STUB")
}

fn main() -> ExitCode {
    workshop::checks::headers::SUITE.examine(stub)
}
