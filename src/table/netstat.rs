//! The table in the columns of `netstat -nat` and `netstat -nato` (net-tools), or of `netstat -nau`
//! and `-nauo`, to the letter, so that a lesson and a netstat next door can be read side by side.

use std::{fmt, net::SocketAddr};

use super::{Row, Table, Timer, TimerKind};

/// The line of column names of `netstat -nat`.
pub const HEADER: &str =
    "Proto Recv-Q Send-Q Local Address           Foreign Address         State      ";
/// The line of column names of `netstat -nato`.
pub const HEADER_WITH_TIMERS: &str =
    "Proto Recv-Q Send-Q Local Address           Foreign Address         State       Timer";

/// netstat cuts an address so that address and port, without the colon, fit into this many
/// characters.
const ADDRESS_WIDTH: usize = 22;

/// With `{:#}` as `netstat -nato`, with the timers.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}",
            if f.alternate() {
                HEADER_WITH_TIMERS
            } else {
                HEADER
            }
        )?;
        for row in &self.rows {
            if f.alternate() {
                writeln!(f, "{row:#}")?
            } else {
                writeln!(f, "{row}")?
            }
        }
        Ok(())
    }
}

/// With `{:#}` as `netstat -nato`, with the timer.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [protocol, recv_q, send_q, local, peer, state, timer] = self.columns();
        write!(
            f,
            "{protocol:<4}  {recv_q:>6} {send_q:>6} {local:<23} {peer:<23} {state:<11}"
        )?;
        if f.alternate() {
            write!(f, " {timer}")?;
        }
        Ok(())
    }
}

impl Row {
    /// What netstat prints in each column: protocol, Recv-Q, Send-Q, local address, foreign
    /// address, state, timer.
    #[must_use]
    pub fn columns(&self) -> [String; 7] {
        let state = match self.is_unconnected() {
            true => "",
            false => self.state.name(),
        };
        [
            self.protocol_name().to_owned(),
            self.recv_q.to_string(),
            self.send_q.to_string(),
            address(self.local),
            address(self.peer),
            state.to_owned(),
            timer(self.timer),
        ]
    }
}

/// `127.0.0.1:8330`, `:::8330`, `0.0.0.0:*`. An IPv4-mapped address appears as plain IPv4.
fn address(addr: SocketAddr) -> String {
    let mut ip = addr.ip().to_canonical().to_string();
    let port = if addr.port() == 0 {
        "*".to_owned()
    } else {
        addr.port().to_string()
    };
    ip.truncate(ADDRESS_WIDTH - port.len());
    format!("{ip}:{port}")
}

/// `timewait (59.12/0/0)`: seconds that remain, retransmissions, probes without an answer.
fn timer(timer: Option<Timer>) -> String {
    let Some(Timer {
        kind,
        remaining,
        attempts,
    }) = timer
    else {
        return "off (0.00/0/0)".to_owned();
    };
    let (name, retransmits, probes) = match kind {
        TimerKind::Retransmit => ("on", attempts, 0),
        TimerKind::Keepalive => ("keepalive", 0, attempts),
        TimerKind::TimeWait => ("timewait", 0, 0),
        TimerKind::WindowProbe => ("probe", 0, attempts),
    };
    format!(
        "{name} ({:.2}/{retransmits}/{probes})",
        remaining.as_secs_f64()
    )
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn writes_addresses_as_netstat_does() {
        for (addr, text) in [
            ("127.0.0.1:8330", "127.0.0.1:8330"),
            ("0.0.0.0:0", "0.0.0.0:*"),
            ("[::]:8330", ":::8330"),
            ("[::1]:8330", "::1:8330"),
            ("[::ffff:127.0.0.1]:8330", "127.0.0.1:8330"),
            (
                "[2001:db8:1111:2222:3333:4444:5555:6666]:54321",
                "2001:db8:1111:222:54321",
            ),
        ] {
            assert_eq!(address(addr.parse().unwrap()), text);
        }
    }
}
