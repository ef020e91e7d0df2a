//! One thread accepts, when a worker has told it that it is free, and hands over to that worker.

use std::{
    fs, io,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::mpsc,
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
    let (free, who_is_free) = mpsc::channel::<mpsc::Sender<TcpStream>>();
    thread::scope(|scope| {
        for _ in 0..workers {
            let free = free.clone();
            scope.spawn(move || {
                loop {
                    let (mine, clients) = mpsc::channel();
                    let Ok(()) = free.send(mine) else { return };
                    let Ok(client) = clients.recv() else { return };
                    let _ = handle(client);
                }
            });
        }
        drop(free);
        let who_is_free = who_is_free; // dropped with the error: no client needs a worker then
        loop {
            let worker = who_is_free.recv().expect("the workers wait for clients");
            let (client, _) = listener.accept()?;
            worker.send(client).expect("the worker is free");
        }
    })
}
