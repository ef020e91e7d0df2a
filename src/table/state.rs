//! The eleven states of RFC 9293 (3.3.2), by the numbers and the names that Linux gives them.

use std::{fmt, str::FromStr};

/// The state of one end of a connection, or of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum State {
    /// The handshake is done and neither FIN has been sent.
    Established = 1,
    /// A SYN has been sent; nothing has come back.
    SynSent,
    /// A SYN has come and been answered; the last ACK of the handshake is missing.
    SynRecv,
    /// Our FIN has been sent, or waits after data; it is not acknowledged.
    FinWait1,
    /// Our FIN is acknowledged; the peer may still send.
    FinWait2,
    /// Both FINs have passed and ours went first: 60 s on Linux.
    TimeWait,
    /// Nothing: the state of a socket that was never connected, or no longer is.
    Close,
    /// The peer's FIN has come; the local program has not closed.
    CloseWait,
    /// The peer's FIN came first, ours is sent and not acknowledged.
    LastAck,
    /// Waiting for connections.
    Listen,
    /// Both FINs have crossed, and ours is not acknowledged.
    Closing,
}

impl State {
    /// All of them, in the kernel's order: `ALL[n - 1]` is number `n` (Linux,
    /// `include/net/tcp_states.h`).
    pub const ALL: [State; 11] = [
        State::Established,
        State::SynSent,
        State::SynRecv,
        State::FinWait1,
        State::FinWait2,
        State::TimeWait,
        State::Close,
        State::CloseWait,
        State::LastAck,
        State::Listen,
        State::Closing,
    ];

    /// The state with this number; 12 is NEW_SYN_RECV, the kernel's own word for an early SYN_RECV.
    #[must_use]
    pub fn from_kernel(number: u8) -> Option<State> {
        let number = if number == 12 {
            State::SynRecv as u8
        } else {
            number
        };
        State::ALL.into_iter().find(|&state| state as u8 == number)
    }

    /// The name that netstat prints.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            State::Established => "ESTABLISHED",
            State::SynSent => "SYN_SENT",
            State::SynRecv => "SYN_RECV",
            State::FinWait1 => "FIN_WAIT1",
            State::FinWait2 => "FIN_WAIT2",
            State::TimeWait => "TIME_WAIT",
            State::Close => "CLOSE",
            State::CloseWait => "CLOSE_WAIT",
            State::LastAck => "LAST_ACK",
            State::Listen => "LISTEN",
            State::Closing => "CLOSING",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for State {
    type Err = String;

    /// Takes what people write: `TIME_WAIT`, `time-wait`, `fin wait 2`, `SYN_RCVD`, `estab`.
    fn from_str(text: &str) -> Result<State, String> {
        let plain = |name: &str| name.replace(['_', '-', ' '], "").to_ascii_uppercase();
        let word = match plain(text).as_str() {
            "ESTAB" => "ESTABLISHED".to_owned(),
            "SYNRCVD" | "SYNRECEIVED" => "SYNRECV".to_owned(),
            "CLOSED" => "CLOSE".to_owned(),
            other => other.to_owned(),
        };
        State::ALL
            .into_iter()
            .find(|state| plain(state.name()) == word)
            .ok_or_else(|| format!("`{text}` is not a TCP state"))
    }
}

#[cfg(test)]
mod tests {
    use super::State;

    #[test]
    fn a_state_stands_at_its_own_number() {
        for (i, state) in State::ALL.into_iter().enumerate() {
            assert_eq!(state as usize, i + 1);
            assert_eq!(State::from_kernel(i as u8 + 1), Some(state));
        }
        assert_eq!(State::from_kernel(12), Some(State::SynRecv));
        assert_eq!(State::from_kernel(13), None);
    }

    #[test]
    fn reads_what_people_write() {
        for (text, state) in [
            ("TIME_WAIT", State::TimeWait),
            ("time-wait", State::TimeWait),
            ("fin wait 2", State::FinWait2),
            ("Syn_Rcvd", State::SynRecv),
            ("estab", State::Established),
            ("closed", State::Close),
        ] {
            assert_eq!(text.parse(), Ok(state), "{text}");
        }
        assert!("WAITING".parse::<State>().is_err());
    }
}
