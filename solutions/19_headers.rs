//! STUB, exercise 19: STUB.

use std::process::ExitCode;

/// STUB
pub fn stub() {}

fn main() -> ExitCode {
    workshop::checks::headers::SUITE.examine(stub)
}
