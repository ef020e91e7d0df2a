//! A reader and a writer for each direction, with a short queue between them.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    sync::mpsc,
    thread,
    time::Duration,
};

use socket2::SockRef;

pub fn relay(client: TcpStream, server: TcpStream) -> io::Result<(u64, u64)> {
    thread::scope(|scope| {
        let there = scope.spawn(|| one_way(&client, &server));
        let back = one_way(&server, &client);
        let there = there.join().unwrap();
        Ok((there?, back?))
    })
}

fn one_way(mut from: &TcpStream, to: &TcpStream) -> io::Result<u64> {
    let (queue, queued) = mpsc::sync_channel::<Vec<u8>>(4);
    thread::scope(|scope| {
        let writer = scope.spawn(move || {
            let written = write(&queued, to);
            if written.is_err() {
                abort(from);
                abort(to);
            }
            written // and `queued` is dropped: the reader cannot send any more
        });
        let (mut buf, mut total) = ([0; 4096], 0);
        let read = loop {
            match from.read(&mut buf) {
                Ok(n) => {
                    total += n as u64;
                    if queue.send(buf[..n].to_vec()).is_err() || n == 0 {
                        break Ok(());
                    }
                }
                Err(error) => break Err(error),
            }
        };
        if read.is_err() {
            abort(from);
            abort(to);
        }
        drop(queue);
        let written = writer.join().unwrap();
        read.and(written).and(Ok(total))
    })
}

/// Nothing to write is the end of file; without it the queue was given up.
fn write(queued: &mpsc::Receiver<Vec<u8>>, mut to: &TcpStream) -> io::Result<()> {
    for bytes in queued {
        if bytes.is_empty() {
            return to.shutdown(Shutdown::Write);
        }
        to.write_all(&bytes)?;
    }
    Ok(())
}

fn abort(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
    let _ = stream.shutdown(Shutdown::Read);
}
