//! Exercise 17: STUB.

use std::process::ExitCode;

pub fn stub() {
    todo!("STUB")
}

fn main() -> ExitCode {
    workshop::checks::datagrams::SUITE.examine(stub)
}
