//! Listens first, and asks the kernel afterwards which backlog it has given. The queue is of
//! exactly the burst, for the kernel adds one.

use std::{
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

use socket_workshop::{
    listen::Listen,
    table::{End, Kernel},
};

pub fn listen(addr: SocketAddr, burst: usize) -> io::Result<TcpListener> {
    let backlog = burst.saturating_sub(1).min(i32::MAX as usize) as i32;
    let listener = Listen::with_backlog(backlog).on(addr)?;
    let table = Kernel::sock_diag()?.table()?;
    let row = table.find(End::of(&listener)?);
    match row.and_then(|row| row.backlog) {
        Some(given) if given as usize + 1 >= burst => Ok(listener),
        given => Err(io::Error::other(format!("the backlog is {given:?}"))),
    }
}

pub fn serve(
    listener: &TcpListener,
    workers: usize,
    handle: &(dyn Fn(TcpStream) -> io::Result<()> + Sync),
) -> io::Result<()> {
    thread::scope(|scope| {
        for _ in 1..workers {
            scope.spawn(|| work(listener, handle));
        }
        Err(work(listener, handle)) // this thread is a worker, too
    })
}

fn work(
    listener: &TcpListener,
    handle: &(dyn Fn(TcpStream) -> io::Result<()> + Sync),
) -> io::Error {
    loop {
        match listener.accept() {
            Ok((stream, _)) => drop(handle(stream)),
            Err(error) => return error,
        }
    }
}
