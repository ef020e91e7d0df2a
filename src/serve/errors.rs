//! What an error of accept(2) concerns, and so what a server does about it.

use std::io;

use nix::errno::Errno;

/// What an error of `accept` concerns, and so what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concerns {
    /// This one connection: take the next.
    Connection,
    /// The process or the system: it lasts, so that trying again at once would spin.
    Process,
    /// The listener: nothing will ever be accepted from it.
    Listener,
}

/// Sorts the errors of accept(2). Its section "Error handling" lists network errors of the new
/// connection: the listener is fine. EPERM, by a firewall rule, may last.
#[must_use]
pub fn concerns(error: &io::Error) -> Concerns {
    let Some(errno) = error.raw_os_error().map(Errno::from_raw) else {
        return Concerns::Listener;
    };
    match errno {
        Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM | Errno::EPERM => {
            Concerns::Process
        }
        Errno::ECONNABORTED | Errno::EPROTO | Errno::EINTR => Concerns::Connection,
        Errno::ENETDOWN | Errno::ENETUNREACH | Errno::EHOSTDOWN | Errno::EHOSTUNREACH => {
            Concerns::Connection
        }
        Errno::ENOPROTOOPT | Errno::EOPNOTSUPP => Concerns::Connection,
        #[cfg(target_os = "linux")]
        Errno::ENONET => Concerns::Connection,
        _ => Concerns::Listener,
    }
}
