//! STUB, exercise 8: STUB.

use std::process::ExitCode;

/// STUB
pub fn stub() {}

fn main() -> ExitCode {
    socket_workshop::checks::close::SUITE.examine(stub)
}
