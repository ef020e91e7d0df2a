//! STUB, exercise 13: STUB.

use std::process::ExitCode;

/// STUB
pub fn stub() {}

fn main() -> ExitCode {
    socket_workshop::checks::shutdown::SUITE.examine(stub)
}
