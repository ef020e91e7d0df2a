//! One thread receives, another sends until the first says that the answer has come.

use std::{
    io::{self, ErrorKind},
    net::UdpSocket,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

pub fn ask(
    socket: &UdpSocket,
    request: &[u8],
    number: u32,
    limit: Duration,
) -> io::Result<Vec<u8>> {
    let deadline = Instant::now().checked_add(limit);
    let question = [&number.to_be_bytes(), request].concat();
    if limit.is_zero() {
        return Err(ErrorKind::TimedOut.into());
    }
    socket.send(&question)?;
    let timeout = socket.read_timeout()?;
    socket.set_read_timeout(Some(Duration::from_millis(5)))?; // how soon it looks at the sender
    let answer = thread::scope(|scope| {
        let (over, is_over) = mpsc::channel::<()>();
        let sender = scope.spawn(move || {
            let mut pause = Duration::from_millis(50);
            while is_over.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                socket.send(&question)?;
                pause *= 2;
            }
            Ok(())
        });
        let mut buf = vec![0; 65_507];
        let answer = loop {
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                break Err(ErrorKind::TimedOut.into());
            }
            match socket.recv(&mut buf) {
                Ok(n) if buf[..n].starts_with(&number.to_be_bytes()) => {
                    break Ok(buf[4..n].to_vec());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() != ErrorKind::WouldBlock => break Err(error),
                _ if sender.is_finished() => break Err(ErrorKind::Other.into()), // the sender's error
                _ => {}
            }
        };
        drop(over);
        let sent: io::Result<()> = sender.join().expect("it does not panic");
        match answer {
            Err(_) if sent.is_err() => sent.map(|()| Vec::new()),
            answer => answer,
        }
    });
    socket.set_read_timeout(timeout).and(answer)
}
