//! Bytes of this process, whose address a blocked thread has given to the kernel.

use std::{fs::File, os::unix::fs::FileExt};

/// This number of bytes at this address. `None` where there are none, and where there is no
/// `/proc`.
pub(super) fn read<const N: usize>(address: u64) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let memory = File::open("/proc/self/mem").ok()?;
    memory.read_exact_at(&mut bytes, address).ok()?;
    Some(bytes)
}
