//! Functions in which an answer may wait or spin. A comment at the end of a line names the scene in
//! which a thread is at that line, and the part of the line that is to be marked.

use std::{
    hint,
    io::{BufRead, BufReader, Read},
    net::{TcpListener, TcpStream},
    os::fd::AsFd,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::Receiver,
    },
    thread,
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// What the scenes wait for.
pub struct World {
    pub stream: TcpStream,
    pub listener: TcpListener,
    pub messages: Receiver<()>,
    pub lock: &'static Mutex<u32>,
    pub stop: &'static AtomicBool,
}

pub type Scene = fn(World);

pub const SCENES: &[(&str, Scene)] = &[
    ("reads", reads),
    ("reads_exactly", reads_exactly),
    ("reads_lines", reads_lines),
    ("reads_in_a_chain", reads_in_a_chain),
    ("locks", locks),
    ("receives", receives),
    ("joins", joins),
    ("leaves_a_scope", leaves_a_scope),
    ("sleeps", sleeps),
    ("polls", polls),
    ("accepts", accepts),
    ("waits_in_a_closure", waits_in_a_closure),
    ("waits_in_a_generic_call", waits_in_a_generic_call),
    ("spins", spins),
];

fn reads(mut world: World) {
    let mut buffer = [0; 8];
    let n = world.stream.read(&mut buffer).unwrap(); // reads: read
    assert_eq!(n, 8);
}

fn reads_exactly(world: World) {
    let mut reader = BufReader::new(&world.stream);
    let mut buffer = [0; 8];
    reader.read_exact(&mut buffer).unwrap(); // reads_exactly: read_exact
}

fn reads_lines(world: World) {
    for line in BufReader::new(&world.stream).lines() { // reads_lines: lines
        assert_eq!(line.unwrap(), "sent up");
    }
}

fn reads_in_a_chain(world: World) {
    let mut buffer = [0; 8];
    let n = (&world.stream)
        .take(8)
        .read(&mut buffer) // reads_in_a_chain: read
        .unwrap_or_default();
    assert_eq!(n, 8);
}

fn locks(world: World) {
    *world.lock.lock().unwrap() += 1; // locks: lock
}

fn receives(world: World) {
    let _ = world.messages.recv(); // receives: recv
}

fn joins(world: World) {
    let receiver = thread::spawn(move || world.messages.recv()); // joins: recv
    receiver.join().unwrap().unwrap(); // joins: join
}

fn leaves_a_scope(world: World) {
    let lock = world.lock;
    thread::scope(|scope| { // leaves_a_scope: thread::scope
        scope.spawn(|| drop(lock.lock())); // leaves_a_scope: lock
    });
    assert!(!lock.is_poisoned()); // a last call would be a jump, and leave no frame
}

fn sleeps(_world: World) {
    let before = Instant::now();
    thread::sleep(Duration::from_secs(3)); // sleeps: thread::sleep
    assert!(before.elapsed() >= Duration::from_secs(3));
}

fn polls(world: World) {
    let mut fds = [PollFd::new(world.stream.as_fd(), PollFlags::POLLIN)];
    let ready = poll(&mut fds, PollTimeout::NONE); // polls: poll
    assert_eq!(ready, Ok(1));
}

fn accepts(world: World) {
    let (_stream, _from) = world.listener.accept().unwrap(); // accepts: accept
}

fn waits_in_a_closure(world: World) {
    let message = Some(0).map(|_| world.messages.recv()); // waits_in_a_closure: recv
    assert_eq!(message, Some(Ok(())));
}

fn waits_in_a_generic_call(world: World) {
    fill(&world.stream);
}

fn fill<R: Read>(mut from: R) {
    from.read_exact(&mut [0; 8]).unwrap(); // waits_in_a_generic_call: read_exact
}

fn spins(world: World) {
    let (mut turns, mut last) = (0_u64, Instant::now());
    while !world.stop.load(Ordering::Acquire) { // spins
        turns = next(turns); // spins
        let now = Instant::now(); // spins
        last = last.max(now); // spins
    }
    assert!(turns > 0);
}

#[inline(always)]
fn next(turns: u64) -> u64 { // spins
    let more = hint::black_box(turns).wrapping_add(1); // spins
    hint::black_box(more) // spins
} // spins
