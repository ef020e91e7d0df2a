//! STUB: lesson `tftp`.

use socket_workshop::stage::{Flags, Story};
use socket_workshop::{
    command,
    table::{End, State::Listen},
};
use std::{io, net::TcpListener, process::ExitCode};

fn main() -> ExitCode {
    command::run(both_ends)
}

fn both_ends(flags: Flags) -> io::Result<()> {
    let listener = TcpListener::bind(flags.listen)?;
    let addr = listener.local_addr()?;
    let mut story = Story::begin(&flags, addr)?;
    story
        .stage("listen")
        .expect("listener", End::listener(addr), Listen)
        .show()?;
    story.end()
}
