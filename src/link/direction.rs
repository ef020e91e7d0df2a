//! One direction of a link.

use std::net::{SocketAddr, UdpSocket};

use super::{
    Passed,
    faults::{Fate, Faults, fate},
};

/// One direction: how many have come, and which of them is held back.
pub(super) struct Direction {
    faults: Faults,
    seed: u64,
    count: u64,
    pub(super) held: Option<Held>,
}

pub(super) struct Held {
    bytes: Vec<u8>,
    out: UdpSocket,
    to: SocketAddr,
}

impl Direction {
    pub(super) fn new(faults: Faults, seed: u64) -> Direction {
        Direction {
            faults,
            seed,
            count: 0,
            held: None,
        }
    }

    /// Sends, repeats, drops or holds back this datagram, as chance decides; then sends what had
    /// been held back.
    pub(super) fn pass(
        &mut self,
        bytes: &[u8],
        out: &UdpSocket,
        to: SocketAddr,
        passed: &mut Passed,
    ) {
        let fate = fate(self.faults, self.seed, self.count);
        self.count += 1;
        passed.taken += 1;
        let send = || drop(out.send_to(bytes, to)); // lost, if it fails
        match (fate, out.try_clone()) {
            (Fate::IsLost, _) => {
                passed.lost += 1;
                return;
            }
            (Fate::Repeats, _) => {
                passed.repeated += 1;
                send();
                send();
            }
            (Fate::IsOvertaken, Ok(out)) if self.held.is_none() => {
                let bytes = bytes.to_vec();
                self.held = Some(Held { bytes, out, to });
                return;
            }
            _ => send(),
        }
        passed.reordered += usize::from(self.let_go());
    }

    /// Sends what is held back, if something is.
    pub(super) fn let_go(&mut self) -> bool {
        let held = self.held.take();
        if let Some(Held { bytes, out, to }) = &held {
            drop(out.send_to(bytes, *to));
        }
        held.is_some()
    }
}
