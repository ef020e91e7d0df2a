//! Which rows are this process's.

use std::{collections::HashMap, fs, io};

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
