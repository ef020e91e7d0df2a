//! A network of our own, where a capture needs no privilege.
//!
//! unshare(2) gives the calling process a network namespace: a loopback interface, a socket table
//! and ports of its own. A process that may not do that gets a user namespace first, in which it
//! may (user_namespaces(7)). Both end with the process.

use std::{
    fs,
    io::{self, Read},
};

#[cfg(target_os = "linux")]
use nix::{
    sched::{CloneFlags, unshare},
    unistd::{getegid, geteuid},
};
use socket2::{Domain, Protocol, Socket, Type};

use crate::fault::Attempt;

/// What to do where the kernel refuses: an administrator has forbidden it.
const REFUSED: &str = "run it with sudo, or allow it to all users: `sudo sysctl -w \
    kernel.apparmor_restrict_unprivileged_userns=0` on Ubuntu, `sudo sysctl -w \
    kernel.unprivileged_userns_clone=1` on older Debians; a container \
    needs `--security-opt seccomp=unconfined`";

const AF_NETLINK: i32 = 16;
const NETLINK_ROUTE: i32 = 0;
const RTM_NEWLINK: u16 = 16;
/// NLM_F_REQUEST | NLM_F_ACK: and answer, with an error of 0 if it is done.
const REQUEST_ACK: u16 = 0x001 | 0x004;
const NLMSG_ERROR: u16 = 2;
const IFF_UP: u32 = 1;
/// The kernel makes loopback the first interface of every network.
const LOOPBACK: i32 = 1;

/// Leaves the network in which the program was started for one that only has loopback. Returns the
/// command by which another terminal enters it.
///
/// Call it before any thread is started: threads would stay in the old network.
///
/// # Errors
/// The kernel does not allow it, or not to this user; or the process has threads already.
pub fn enter() -> io::Result<String> {
    let door = unshare_network()?;
    // In this network only: a handshake goes on while an instructor explains it (tcp(7)).
    for (setting, most) in [("tcp_syn_retries", "127"), ("tcp_synack_retries", "255")] {
        let _a_minute_then = fs::write(sysctl(setting), most);
    }
    Ok(door)
}

/// Leaves the network for one of its own, as [`enter`] does, in which a dump of all connections
/// costs less. For a dump the kernel walks over each bucket of its hash table, empty or not, and
/// most machines have hundreds of thousands of them. The new network has a table of its own with
/// this number of buckets, rounded up to a power of 2. No other setting is changed.
///
/// # Errors
/// As for [`enter`]; or the kernel has one table for all networks (before Linux 6.1). Then the
/// process is in a network of its own that uses this table.
pub fn enter_with_buckets(buckets: u32) -> io::Result<()> {
    // The kernel derives these from the number of buckets. They are set back below.
    let derived = ["tcp_max_tw_buckets", "tcp_max_syn_backlog"]
        .map(|setting| (sysctl(setting), fs::read_to_string(sysctl(setting))));
    unshare_network()?;
    // How many buckets the next network gets that this process makes.
    let setting = sysctl("tcp_child_ehash_entries");
    fs::write(&setting, buckets.to_string()).attempt(|| setting)?;
    unshare_network()?;
    for (setting, value) in derived {
        fs::write(&setting, value?).attempt(|| setting)?;
    }
    Ok(())
}

/// Where the kernel keeps a setting of TCP, one for each network (tcp(7)).
fn sysctl(name: &str) -> String {
    format!("/proc/sys/net/ipv4/{name}")
}

/// A network of its own, in which loopback can be used, and the command that leads into it.
fn unshare_network() -> io::Result<String> {
    let own = unshare_namespaces().and_then(|door| loopback_up().and(Ok(door)));
    // Not the kernel's kind of error: the advice for that is about ports.
    own.map_err(|error| {
        io::Error::other(format!(
            "cannot have a network of its own: {error} ({REFUSED})"
        ))
    })
}

#[cfg(target_os = "linux")]
fn unshare_namespaces() -> io::Result<String> {
    let pid = std::process::id();
    if unshare(CloneFlags::CLONE_NEWNET).is_ok() {
        return Ok(format!("sudo nsenter -n -t {pid}"));
    }
    let (user, group) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)
        .map_err(io::Error::from)
        .attempt(|| "unshare".to_owned())?;
    // The user and the group keep their numbers, so files keep their owners.
    for (file, text) in [
        ("setgroups", "deny".to_owned()), // the kernel wants it before the group's line
        ("uid_map", format!("{user} {user} 1")),
        ("gid_map", format!("{group} {group} 1")),
    ] {
        let file = format!("/proc/self/{file}");
        fs::write(&file, text).attempt(|| file)?;
    }
    Ok(format!("nsenter --preserve-credentials -U -n -t {pid}"))
}

#[cfg(not(target_os = "linux"))]
fn unshare_namespaces() -> io::Result<String> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "namespaces are Linux's",
    ))
}

/// What `ip link set lo up` does (rtnetlink(7)): until then even 127.0.0.1 cannot be reached.
fn loopback_up() -> io::Result<()> {
    let protocol = Some(Protocol::from(NETLINK_ROUTE));
    let mut socket = Socket::new(Domain::from(AF_NETLINK), Type::DGRAM, protocol)?;
    socket.send(&link_up())?;
    let mut answer = [0; 256];
    let n = socket.read(&mut answer)?;
    // `struct nlmsghdr`, and after it a negative errno.
    match (answer[4..6] == NLMSG_ERROR.to_ne_bytes(), n) {
        (true, 20..) => {
            match i32::from_ne_bytes([answer[16], answer[17], answer[18], answer[19]]) {
                0 => Ok(()),
                code => Err(io::Error::from_raw_os_error(code.wrapping_neg())),
            }
        }
        _ => Err(io::Error::other("netlink answered with something else")),
    }
    .attempt(|| "cannot bring loopback up".to_owned())
}

/// `struct nlmsghdr` and `struct ifinfomsg`: of the flags only IFF_UP is changed.
fn link_up() -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0..4].copy_from_slice(&32u32.to_ne_bytes());
    bytes[4..6].copy_from_slice(&RTM_NEWLINK.to_ne_bytes());
    bytes[6..8].copy_from_slice(&REQUEST_ACK.to_ne_bytes());
    bytes[20..24].copy_from_slice(&LOOPBACK.to_ne_bytes());
    bytes[24..28].copy_from_slice(&IFF_UP.to_ne_bytes());
    bytes[28..32].copy_from_slice(&IFF_UP.to_ne_bytes());
    bytes
}
