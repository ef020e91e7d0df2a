//! What can go wrong on a link, how often, and with which datagrams.

use std::{
    io::{self, ErrorKind},
    net::UdpSocket,
};

use bpaf::{Parser, construct};

use super::{Link, connected};
use crate::{
    command::{self, arguments::option_or},
    stage::Flags,
};

/// How often something goes wrong, as shares from 0 to 1. What is lost is not repeated, and what is
/// repeated not reordered: of 100 datagrams, with 0.5 each, 50 are lost, 25 repeated, 13 reordered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// The share that is lost.
    pub loss: f64,
    /// The share, of those not lost, that comes twice.
    pub repeat: f64,
    /// The share, of those that come once, that the next one overtakes.
    pub reorder: f64,
}

/// The arguments of a lesson that has a link.
#[derive(Clone, Debug)]
pub struct Arguments {
    /// Those of every lesson.
    pub flags: Flags,
    /// Of its link.
    pub quality: Quality,
}

impl command::Arguments for Arguments {
    const ABOUT: &'static str = "A lesson: UDP on loopback, and what the kernel shows of it";

    fn parser() -> impl Parser<Arguments> + 'static {
        let (flags, quality) = (Flags::parser(), Quality::parser());
        construct!(Arguments { flags, quality })
    }
}

/// How bad a link is.
#[derive(Clone, Copy, Debug)]
pub struct Quality {
    /// The share of the datagrams that the link loses, in each direction.
    pub loss: f64,
    /// The share of the others that comes twice.
    pub repeat: f64,
    /// The share of the rest that the next one overtakes.
    pub reorder: f64,
    /// Decides which datagrams these are.
    pub seed: u64,
}

impl Quality {
    fn parser() -> impl Parser<Quality> {
        let help = "The share of the datagrams that the link loses, in each direction";
        let loss = option_or("0.3", "loss", "SHARE", help, share);
        let help = "The share of the others that comes twice";
        let repeat = option_or("0.1", "repeat", "SHARE", help, share);
        let help = "The share of the rest that the next one overtakes";
        let reorder = option_or("0.2", "reorder", "SHARE", help, share);
        let seed = option_or(
            "1",
            "seed",
            "N",
            "Decides which datagrams these are",
            str::parse,
        );
        construct!(Quality {
            loss,
            repeat,
            reorder,
            seed
        })
    }

    /// What goes wrong.
    #[must_use]
    pub fn faults(&self) -> Faults {
        Faults {
            loss: self.loss,
            repeat: self.repeat,
            reorder: self.reorder,
        }
    }

    /// As [`connected`], over a link of this quality.
    ///
    /// # Errors
    /// As for [`connected`].
    pub fn connected(&self) -> io::Result<(UdpSocket, UdpSocket, Link)> {
        connected(self.faults(), self.seed)
    }
}

impl Faults {
    pub(super) fn check(self) -> io::Result<()> {
        let shares = [self.loss, self.repeat, self.reorder];
        if shares.iter().all(|share| (0.0..=1.0).contains(share)) {
            return Ok(());
        }
        let text = format!("not shares from 0 to 1: {shares:?}");
        Err(io::Error::new(ErrorKind::InvalidInput, text))
    }
}

/// A share, from 0 to 1.
pub(super) fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok();
    let share = share.filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "expected a share from 0 to 1, such as 0.3".to_owned())
}

/// What becomes of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Passes,
    IsLost,
    Repeats,
    IsOvertaken,
}

/// What becomes of the n-th datagram: a draw for each fault, in the order of [`Faults`].
pub(super) fn fate(faults: Faults, seed: u64, n: u64) -> Fate {
    let strikes = |share: f64, draw| random(seed, 3 * n + draw) < share;
    match () {
        () if strikes(faults.loss, 0) => Fate::IsLost,
        () if strikes(faults.repeat, 1) => Fate::Repeats,
        () if strikes(faults.reorder, 2) => Fate::IsOvertaken,
        () => Fate::Passes,
    }
}

/// The n-th number of SplitMix64 (Steele, Lea, Flood 2014), as a share from 0 to just below 1.
pub(super) fn random(seed: u64, n: u64) -> f64 {
    let mut z = seed.wrapping_add((n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    (z >> 11) as f64 / (1_u64 << 53) as f64 // the 53 bits that an f64 has room for
}
