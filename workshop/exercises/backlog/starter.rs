//! Exercise 12: backlog. Clients come in bursts, and few can be served at a time. Who waits, where,
//! and how many may?
//!
//! Build a listener whose accept queue has room for a burst of clients, or an error; and workers who
//! take their clients from that queue, so that it is the only one there is.
//!
//! The rules for `listen`:
//! - a burst of clients that dial before anyone has called accept finds room: each is connected at
//!   once, and no SYN is dropped;
//! - no more may wait than that: whoever comes when the burst and at most one more are in the queue
//!   hears nothing, until there is room;
//! - a burst greater than `net.core.somaxconn`, up to `usize::MAX`, is an error: the kernel cuts the
//!   backlog to that number, and says nothing. Of what kind is yours to say. (As the queue holds one more
//!   than the backlog, for a burst greater by one either will do.)
//!
//! The rules for `serve`:
//! - as many clients are served at once as there are workers, and never more: `handle` serves one, and
//!   returns when it is done with it, which may be after a long time;
//! - a client that no worker is free for is not accepted: it waits in the kernel's queue, where it
//!   costs this process neither memory nor a descriptor. It is not turned away;
//! - as soon as a worker is free, whatever the others do, it takes the client that has waited longest;
//! - an error of `handle` is one client's, and the worker takes the next;
//! - when the listener fails, accept fails in whoever calls it: `serve` returns that error, once the
//!   clients that are being served have been served. (Errors of accept that pass, such as EMFILE, were
//!   exercise 1, and are left out here.)
//!
//! `socket_workshop::listen::Listen` makes the calls of lesson `listener`.
//!
//! How to go on:
//!
//!     cargo workshop check backlog    examines it; so does  cargo test -p exercises --test backlog
//!     cargo workshop hint backlog     helps, a little more each time
//!     cargo run --example backlog     is the lesson

use std::{
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    process::ExitCode,
};

/// Listens, with room for so many clients, at least one, whom nobody has accepted yet.
pub fn listen(addr: SocketAddr, burst: usize) -> io::Result<TcpListener> {
    let _ = (addr, burst);
    todo!("find out how long a backlog the kernel gives, then listen with one as long as the burst")
}

/// Serves clients, with so many workers, until accept fails: with its error.
pub fn serve(
    listener: &TcpListener,
    workers: usize,
    handle: &(dyn Fn(TcpStream) -> io::Result<()> + Sync),
) -> io::Result<()> {
    let _ = (listener, workers, handle);
    todo!("start the workers; each accepts a client when it has nothing to do, and handles it")
}

fn main() -> ExitCode {
    workshop::checks::backlog::SUITE.examine((listen, serve))
}
