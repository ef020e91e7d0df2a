//! STUB, exercise 11: STUB.

use std::process::ExitCode;

/// STUB
pub fn stub() {}

fn main() -> ExitCode {
    socket_workshop::checks::window::SUITE.examine(stub)
}
