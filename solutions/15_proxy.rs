//! STUB, exercise 15: STUB.

use std::process::ExitCode;

/// STUB
pub fn stub() {}

fn main() -> ExitCode {
    socket_workshop::checks::proxy::SUITE.examine(stub)
}
