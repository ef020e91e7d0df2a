use std::{
    convert::Infallible,
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{Look, Stuck, World, quiet::is_quiet, wait};
use crate::{
    peer::{connected, narrow, silent},
    table::{End, Kernel},
    threads::{self, Call},
};

/// The threads of one name, and the two ends of one connection.
struct Pair {
    name: &'static str,
    kernel: Kernel,
    end: End,
}

impl Pair {
    fn new(name: &'static str, end: End) -> Pair {
        let kernel = Kernel::open().unwrap();
        Pair { name, kernel, end }
    }
}

impl World for Pair {
    fn look(&mut self, with_info: bool) -> io::Result<Look> {
        let threads = threads::others()?.into_iter();
        let threads = threads.filter(|thread| thread.name == self.name).collect();
        let table = match with_info {
            true => self.kernel.table_with_info()?,
            false => self.kernel.table()?,
        };
        let ends = [self.end, self.end.other()];
        let rows = ends.iter().filter_map(|end| table.find(*end));
        Ok(Look {
            threads,
            sockets: rows.cloned().collect(),
            ..Look::default()
        })
    }
}

fn connection() -> (TcpStream, TcpStream, End) {
    connected(&TcpListener::bind("127.0.0.1:0").unwrap()).unwrap()
}

fn start<T: Send + 'static>(
    name: &'static str,
    body: impl FnOnce() -> T + Send + 'static,
) -> (mpsc::Receiver<T>, JoinHandle<()>) {
    let (sender, receiver) = mpsc::channel();
    let thread = thread::Builder::new().name(name.to_owned());
    let (named, has_its_name) = mpsc::channel();
    let run = move || {
        named.send(()).unwrap();
        drop(sender.send(body()));
    };
    let thread = thread.spawn(run).unwrap();
    has_its_name.recv().unwrap();
    (receiver, thread)
}

/// Waits for what a thread returns.
fn returns<T>(world: &mut Pair, result: &mpsc::Receiver<T>) -> Result<T, Stuck> {
    let ceiling = Instant::now() + Duration::from_secs(120);
    let ask = |rest| Ok::<_, Infallible>(result.recv_timeout(rest).ok());
    wait(world, ceiling, ask).unwrap_or_else(|never| match never {})
}

#[test]
fn an_endless_read_is_proven_to_be_one() {
    let (client, mut server, end) = connection();
    let mut world = Pair::new("w-read", end);
    let (result, thread) = start("w-read", move || server.read(&mut [0]));
    let stuck = returns(&mut world, &result).unwrap_err();
    assert!(matches!(stuck, Stuck::Hang(_)), "{stuck}");
    let text = stuck.to_string();
    let right = text.starts_with("proven: thread w-read waits in a read (recv) on fd ")
        && text.ends_with(" without a timeout, and nothing is under way");
    assert!(right, "{text}");
    drop(client);
    thread.join().unwrap();
}

#[test]
fn a_read_with_a_timeout_is_waited_for() {
    let (_client, mut server, end) = connection();
    let mut world = Pair::new("w-limit", end);
    // Longer than nothing may move for.
    let limit = Duration::from_millis(2500);
    server.set_read_timeout(Some(limit)).unwrap();
    let (result, _thread) = start("w-limit", move || server.read(&mut [0]));
    let error = returns(&mut world, &result).unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
}

/// SO_RCVTIMEO is for the reads that begin after it was set.
#[test]
fn a_read_that_began_before_its_timeout_is_not_waited_for() {
    let (client, mut server, end) = connection();
    let mut world = Pair::new("w-before", end);
    let socket = server.try_clone().unwrap();
    let (result, thread) = start("w-before", move || server.read(&mut [0]));
    let ceiling = Instant::now() + Duration::from_secs(120);
    let is_in_its_read = |rest| {
        thread::sleep(rest); // there is no event to wait for instead
        let threads = threads::others().unwrap();
        let its = threads.into_iter().find(|its| its.name == "w-before");
        let reads = its.and_then(|its| its.call).map(|call| call.call()) == Some(Call::Read);
        Ok::<_, Infallible>(reads.then_some(()))
    };
    let waited = wait(&mut world, ceiling, is_in_its_read);
    waited.unwrap_or_else(|never| match never {}).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    let stuck = returns(&mut world, &result).unwrap_err();
    assert!(matches!(stuck, Stuck::Idle(..)), "{stuck}");
    drop((client, socket));
    thread.join().unwrap();
}

#[test]
fn a_loop_that_reads_the_end_of_file_again_and_again_spins() {
    let (client, mut server, end) = connection();
    let mut world = Pair::new("w-spin", end);
    client.shutdown(Shutdown::Write).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let (result, thread) = start("w-spin", move || {
        while !stopped.load(Ordering::Relaxed) {
            assert_eq!(server.read(&mut [0]).unwrap(), 0);
        }
    });
    let stuck = returns(&mut world, &result).unwrap_err();
    stop.store(true, Ordering::Relaxed);
    thread.join().unwrap();
    // Other tests of this process use CPU time too, so only the kind is certain.
    assert!(matches!(stuck, Stuck::Spin(..)), "{stuck}");
}

#[test]
fn a_loop_of_short_naps_is_idle_and_no_proof() {
    let (_client, _server, end) = connection();
    let mut world = Pair::new("w-naps", end);
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let (result, thread) = start("w-naps", move || {
        while !stopped.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(30)); // its length is the subject
        }
    });
    // Other tests of this process use CPU time too, which may look like a spin: once more then.
    let mut stuck = returns(&mut world, &result).unwrap_err();
    for _ in 0..10 {
        if matches!(stuck, Stuck::Spin(..)) {
            stuck = returns(&mut world, &result).unwrap_err();
        }
    }
    stop.store(true, Ordering::Relaxed);
    thread.join().unwrap();
    assert!(
        matches!(stuck, Stuck::Idle(..)) && !stuck.is_proven(),
        "{stuck}"
    );
}

#[test]
fn a_write_to_a_peer_that_does_not_read_is_proven_to_hang() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (client, mut server, end) = narrow(&listener).unwrap();
    let mut world = Pair::new("w-write", end);
    let (result, thread) = start("w-write", move || server.write_all(&vec![0; 8 << 20]));
    let stuck = returns(&mut world, &result).unwrap_err();
    assert!(matches!(stuck, Stuck::Hang(_)), "{stuck}");
    let mut look = stuck.look().clone();
    assert!(is_quiet(&look));
    // Had the peer read all, there would be room, and a probe would find it.
    look.sockets.iter_mut().for_each(|row| row.recv_q = 0);
    assert!(!is_quiet(&look));
    drop(client); // RST: its bytes are unread
    thread.join().unwrap();
}

/// The threads of one name, and all sockets with this port at either end.
struct Dialed {
    name: &'static str,
    kernel: Kernel,
    port: u16,
}

impl World for Dialed {
    fn look(&mut self, _with_info: bool) -> io::Result<Look> {
        let threads = threads::others()?.into_iter();
        Ok(Look {
            threads: threads.filter(|thread| thread.name == self.name).collect(),
            sockets: self.kernel.table_of(&[self.port])?.rows,
            ..Look::default()
        })
    }
}

#[test]
fn a_dial_whose_syn_is_dropped_is_proven_to_hang_until_there_is_room() {
    let (listener, queued) = silent().unwrap();
    let addr = listener.local_addr().unwrap();
    let mut world = Dialed {
        name: "w-dial",
        kernel: Kernel::open().unwrap(),
        port: addr.port(),
    };
    let (result, thread) = start("w-dial", move || TcpStream::connect(addr));
    let ceiling = Instant::now() + Duration::from_secs(100);
    let mut ask = |rest| Ok::<_, Infallible>(result.recv_timeout(rest).ok());
    let Ok(outcome) = wait(&mut world, ceiling, &mut ask);
    let stuck = outcome.unwrap_err();
    assert!(matches!(stuck, Stuck::Hang(_)), "{stuck}");
    drop(listener.accept().unwrap());
    // The kernel sends the SYN again after a second: that is waited for.
    let Ok(outcome) = wait(&mut world, ceiling, &mut ask);
    outcome.unwrap().unwrap();
    thread.join().unwrap();
    drop(queued);
}

#[test]
fn where_no_thread_is_left_nothing_can_happen() {
    let (mut client, server, end) = connection();
    let mut world = Pair::new("w-nobody", end);
    let ceiling = Instant::now() + Duration::from_secs(120);
    let stuck = wait(&mut world, ceiling, |rest| {
        client.set_read_timeout(Some(rest.max(Duration::from_millis(1))))?;
        match client.read(&mut [0]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            result => result.map(Some),
        }
    });
    let stuck = stuck.unwrap().unwrap_err();
    assert_eq!(
        stuck.to_string(),
        "proven: no thread is left, and nothing is under way"
    );
    drop(server);
}

#[test]
fn a_slow_thread_that_moves_is_waited_for() {
    let (mut client, mut server, end) = connection();
    let mut world = Pair::new("w-slow", end);
    client.write_all(&[7; 60]).unwrap();
    // Each byte takes longer than a look, and all of them longer than nothing may move for.
    let (result, _thread) = start("w-slow", move || {
        for _ in 0..60 {
            server.read_exact(&mut [0]).unwrap();
            thread::sleep(Duration::from_millis(50)); // its length is the subject
        }
    });
    returns(&mut world, &result).unwrap();
}

#[test]
fn an_echo_is_never_taken_for_a_hang() {
    let (client, server, end) = connection();
    let mut world = Pair::new("w-echo", end);
    let (_result, thread) = start("w-echo", move || {
        let mut byte = [0];
        while (&server).read_exact(&mut byte).is_ok() {
            (&server).write_all(&byte).unwrap();
        }
    });
    let ceiling = Instant::now() + Duration::from_secs(120);
    for _ in 0..500 {
        (&client).write_all(b"x").unwrap();
        client.set_nonblocking(true).unwrap();
        let came = wait(&mut world, ceiling, |_| match (&client).read(&mut [0]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            result => result.map(Some),
        });
        assert_eq!(came.unwrap().expect("it comes"), 1);
        client.set_nonblocking(false).unwrap();
    }
    drop(client);
    thread.join().unwrap();
}
