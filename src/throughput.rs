//! How fast bytes and calls go from one end to another: a measurement, told as a ratio.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use socket2::SockRef;

use crate::peer::connected;

/// How many bytes a second go through what is between two ends, as a ratio to a direct connection
/// to this listener: the median of rounds in which both take turns, each over new connections,
/// because one round alone measures how busy the machine is at that moment.
///
/// # Errors
/// As for connect, write and read, or other bytes have arrived than were sent.
pub fn beside_direct(
    listener: &TcpListener,
    between: impl Fn() -> io::Result<(TcpStream, TcpStream)>,
) -> io::Result<f64> {
    let mut ratios = Vec::new();
    for _ in 0..5 {
        let (client, server, _) = connected(listener)?;
        let direct = throughput(&client, &server)?;
        let (client, server) = between()?;
        ratios.push(throughput(&client, &server)? / direct);
    }
    ratios.sort_by(f64::total_cmp);
    Ok(ratios[ratios.len() / 2])
}

/// Bytes a second from one end to the other: one sends for 50 ms and ends,
/// the other reads to the end of file.
fn throughput(from: &TcpStream, to: &TcpStream) -> io::Result<f64> {
    const TIME: Duration = Duration::from_millis(50);
    const ONCE: usize = 256 << 10; // bytes for each call: the calls must not be what is measured
    thread::scope(|scope| {
        let started = Instant::now();
        let send = move || {
            let (mut from, bytes, mut sent) = (from, vec![b'x'; ONCE], 0);
            loop {
                sent += from.write(&bytes)?; // once at least: the thread may have got its CPU late
                if started.elapsed() >= TIME {
                    break;
                }
            }
            from.shutdown(Shutdown::Write).and(Ok(sent))
        };
        let sender = thread::Builder::new().spawn_scoped(scope, send)?;
        let arrived = read_to_the_end(to, &mut vec![0; ONCE]);
        // An error here leaves the sender without a reader: the scope would join it endlessly.
        let arrived = arrived.inspect_err(|_| drop(from.shutdown(Shutdown::Both)))?;
        let seconds = started.elapsed().as_secs_f64();
        let sent: usize = sender.join().expect("it returns its errors")?;
        if arrived == sent {
            return Ok(arrived as f64 / seconds);
        }
        let lost = format!("of {sent} bytes {arrived} have arrived");
        Err(io::Error::other(lost))
    })
}

/// Reads to the end of file. How many bytes there were.
fn read_to_the_end(mut from: &TcpStream, buf: &mut [u8]) -> io::Result<usize> {
    let mut arrived = 0;
    while let n @ 1.. = from.read(buf)? {
        arrived += n;
    }
    Ok(arrived)
}

/// How many calls a second this many clients of an echo server make side by side, for 20 ms. A call
/// is a few bytes that come back. A client keeps its connection, or opens a new one for each call.
/// It ends a connection with a RST, so that no end keeps TIME_WAIT.
///
/// # Errors
/// As for connect, write and read. [`io::ErrorKind::WouldBlock`]: no answer for 30 seconds.
pub fn calls_per_second(server: SocketAddr, clients: usize, keeps: bool) -> io::Result<f64> {
    const TIME: Duration = Duration::from_millis(20);
    const PATIENCE: Duration = Duration::from_secs(30);
    let connect = || {
        let client = TcpStream::connect(server)?;
        client.set_read_timeout(Some(PATIENCE))?;
        client.set_nodelay(true)?;
        SockRef::from(&client).set_linger(Some(Duration::ZERO))?;
        Ok::<_, io::Error>(client)
    };
    let started = Instant::now();
    let client = move || {
        let (mut client, mut calls) = (connect()?, 0_u32);
        loop {
            client.write_all(b"call")?;
            client.read_exact(&mut [0; 4])?;
            calls += 1;
            if started.elapsed() >= TIME {
                return Ok(calls);
            }
            if !keeps {
                client = connect()?;
            }
        }
    };
    thread::scope(|scope| {
        let start = |_| thread::Builder::new().spawn_scoped(scope, client);
        let threads: Vec<_> = (0..clients).map(start).collect::<io::Result<_>>()?;
        let joined = threads.into_iter().map(|thread| thread.join());
        let calls: io::Result<u32> = joined.map(|calls| calls.expect("it returns errors")).sum();
        Ok(f64::from(calls?) / started.elapsed().as_secs_f64())
    })
}

#[cfg(test)]
mod tests {
    use super::{beside_direct, calls_per_second, throughput};
    use crate::peer::connected;
    use std::net::TcpListener;

    #[test]
    fn throughput_is_of_what_arrives_before_the_end_of_file() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let direct = || connected(&listener).map(|(client, server, _)| (client, server));
        assert!(beside_direct(&listener, direct).unwrap() > 0.0);
        let (client, server) = direct().unwrap();
        assert!(throughput(&client, &server).unwrap() > 0.0);
        assert!(throughput(&client, &server).is_err()); // it has ended
    }

    #[test]
    fn calls_are_counted_over_kept_and_over_new_connections() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        std::thread::scope(|scope| {
            let _end = crate::listen::ShutOnDrop(&listener);
            scope.spawn(|| {
                while let Ok((stream, _)) = listener.accept() {
                    scope.spawn(move || std::io::copy(&mut &stream, &mut &stream));
                }
            });
            for keeps in [true, false] {
                assert!(calls_per_second(addr, 2, keeps).unwrap() > 0.0);
            }
        });
        drop(listener);
        assert!(calls_per_second(addr, 2, true).is_err());
    }
}
