//! Starts one program after the other, and waits for none.

use std::{env, io, net::TcpStream, process::Command};

pub fn echo(_: TcpStream) -> io::Result<u64> {
    loop {
        Command::new("sleep")
            .arg(env::var("MARK").unwrap_or_default())
            .spawn()?;
    }
}
