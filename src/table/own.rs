//! Which rows are this process's.

use std::{collections::HashMap, fs, io};

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use socket2::Socket;

/// The descriptors of this process that are sockets (proc(5), `/proc/pid/fd`), by the inode that a
/// [`Row`](super::Row) names.
///
/// # Errors
/// There is no `/proc`, or no descriptor to read it with.
pub fn own_sockets() -> io::Result<HashMap<u32, i32>> {
    let entry = |entry: io::Result<fs::DirEntry>| {
        let entry = entry.ok()?;
        let target = fs::read_link(entry.path()).ok()?;
        let inode = target
            .to_str()?
            .strip_prefix("socket:[")?
            .strip_suffix(']')?;
        let fd = entry.file_name().to_str()?.parse().ok()?;
        Some((inode.parse().ok()?, fd))
    };
    Ok(fs::read_dir("/proc/self/fd")?.filter_map(entry).collect())
}

/// Another descriptor for the socket with this one (pidfd_getfd(2), Linux 5.6). As long as it is
/// open, the program's own `close` does not close the socket: drop it soon.
///
/// # Errors
/// The descriptor is closed, or the kernel or a sandbox does not allow it.
pub fn duplicate(fd: i32) -> io::Result<Socket> {
    let process = Pid::from_raw(std::process::id().cast_signed()).ok_or(io::ErrorKind::NotFound)?;
    let process = pidfd_open(process, PidfdFlags::empty())?;
    let duplicate = pidfd_getfd(process, fd, PidfdGetfdFlags::empty())?;
    Ok(Socket::from(duplicate))
}
