//! Another right answer, frozen: edits of `mistakes.diff` are made to it.

use std::{
    fs, io,
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

use socket_workshop::listen::Listen;

pub fn listen(addr: SocketAddr, burst: usize) -> io::Result<TcpListener> {
    let limit = fs::read_to_string("/proc/sys/net/core/somaxconn")?;
    let limit: usize = limit.trim().parse().map_err(io::Error::other)?;
    if burst > limit {
        return Err(io::Error::other(format!("no room for a burst of {burst}")));
    }
    Listen::with_backlog(burst as i32).on(addr)
}

pub fn serve(
    listener: &TcpListener,
    workers: usize,
    handle: &(dyn Fn(TcpStream) -> io::Result<()> + Sync),
) -> io::Result<()> {
    let work = || -> io::Result<()> {
        loop {
            let (stream, _) = listener.accept()?;
            let _ = handle(stream);
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap())
    })
}
