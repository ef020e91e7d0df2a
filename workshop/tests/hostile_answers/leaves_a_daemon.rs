//! Echoes, and leaves a daemon: in a session of its own, without a parent, without an environment,
//! with a listening socket as its stdin.

use std::{
    env, io,
    net::{TcpListener, TcpStream},
    os::fd::OwnedFd,
    process::{Command, Stdio},
};

pub fn echo(stream: TcpStream) -> io::Result<u64> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let daemon = format!(
        "setsid setsid sleep {} &",
        env::var("MARK").unwrap_or_default()
    );
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &daemon])
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default());
    shell
        .stdin(OwnedFd::from(listener))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    shell.status()?;
    io::copy(&mut &stream, &mut &stream)
}
