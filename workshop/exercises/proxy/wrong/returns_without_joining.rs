//! Returns the first error, and does not wait for the other direction.
//!
//! rejected by: passes on a reset that a read returns
//! cause: is still open

use std::{
    io,
    net::{Shutdown, TcpStream},
    sync::mpsc,
    thread,
};

pub fn relay(client: TcpStream, server: TcpStream) -> io::Result<(u64, u64)> {
    let (ended, ends) = mpsc::channel();
    for (i, (from, to)) in [(&client, &server), (&server, &client)]
        .into_iter()
        .enumerate()
    {
        let (mut from, mut to, ended) = (from.try_clone()?, to.try_clone()?, ended.clone());
        thread::spawn(move || {
            let copied = io::copy(&mut from, &mut to); // hangs here
            let copied = copied.and_then(|bytes| to.shutdown(Shutdown::Write).and(Ok(bytes)));
            let _ = ended.send((i, copied));
        });
    }
    let mut totals = [0, 0];
    for (i, copied) in ends.iter().take(2) {
        totals[i] = copied?;
    }
    Ok((totals[0], totals[1]))
}
