//! A second `listen` on a socket that listens already changes its backlog; and the pause doubles
//! each time that no descriptor is left.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use nix::errno::Errno;
use socket2::SockRef;

pub fn listen(addr: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(addr)?;
    SockRef::from(&listener).listen(backlog)?;
    Ok(listener)
}

pub fn serve(listener: &TcpListener, greeting: &[u8]) -> io::Result<()> {
    thread::scope(|scope| {
        let mut pause = Duration::from_millis(5);
        for stream in listener.incoming() {
            match stream {
                Ok(stream) => {
                    pause = Duration::from_millis(5);
                    scope.spawn(move || greet(stream, greeting));
                }
                Err(error) if error.raw_os_error() == Some(Errno::EMFILE as i32) => {
                    thread::sleep(pause);
                    pause = (pause * 2).min(Duration::from_secs(1));
                }
                Err(error) => return Err(error),
            }
        }
        unreachable!("incoming never ends");
    })
}

fn greet(stream: TcpStream, greeting: &[u8]) -> io::Result<()> {
    for piece in greeting.chunks(7) {
        (&stream).write_all(piece)?;
    }
    let mut sent = BufReader::new(&stream);
    loop {
        let n = sent.fill_buf()?.len();
        if n == 0 {
            return Ok(());
        }
        sent.consume(n);
    }
}
