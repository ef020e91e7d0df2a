//! Reads on while its writer waits, and queues what it has read.
//!
//! rejected by: holds at most 1 MiB
//! cause: Such a queue grows

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    sync::mpsc,
    thread,
};

pub fn relay(client: TcpStream, server: TcpStream) -> io::Result<(u64, u64)> {
    thread::scope(|scope| {
        let there = scope.spawn(|| one_way(&client, &server));
        let back = one_way(&server, &client);
        let there = there.join().unwrap();
        Ok((there?, back?))
    })
}

fn one_way(mut from: &TcpStream, mut to: &TcpStream) -> io::Result<u64> {
    let (queue, queued) = mpsc::channel::<Vec<u8>>();
    thread::scope(|scope| {
        let writer = scope.spawn(move || {
            for bytes in queued {
                to.write_all(&bytes)?;
            }
            to.shutdown(Shutdown::Write)
        });
        let (mut buf, mut total) = (vec![0; 64 << 10], 0);
        loop {
            let n = from.read(&mut buf)?;
            if n == 0 {
                break;
            }
            total += n as u64;
            if queue.send(buf[..n].to_vec()).is_err() {
                break;
            }
        }
        drop(queue);
        writer.join().unwrap().and(Ok(total))
    })
}
