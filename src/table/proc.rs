//! The socket table from `/proc/net/tcp` and `/proc/net/tcp6`, and from `udp` and `udp6` beside
//! them (proc_net(5)), where netlink is closed.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read, Seek},
    iter,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use super::{Protocol, Row, State, Timer, TimerKind, kernel::Of};

/// Times in /proc are in hundredths of a second (USER_HZ) on every architecture Linux runs on
/// today.
const TICK: Duration = Duration::from_millis(10);

/// The two files, held open: each look reads them from the start.
#[derive(Debug)]
pub struct Proc {
    tcp: File,
    /// `None` in a kernel without IPv6.
    tcp6: Option<File>,
}

impl Proc {
    /// Opens the files, and reads a little, to see that they can be read.
    pub(super) fn open() -> io::Result<Proc> {
        let tcp6 = match File::open("/proc/net/tcp6") {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            opened => Some(opened?),
        };
        let mut tcp = File::open("/proc/net/tcp")?;
        tcp.read_exact(&mut [0; 16])?; // a part of the names of the columns
        Ok(Proc { tcp, tcp6 })
    }

    /// The kernel always writes out all rows; only those that are wanted are read further than
    /// their ports.
    pub(super) fn rows(&mut self, of: Of<'_>) -> io::Result<Vec<Row>> {
        let mut rows = Vec::new();
        for file in iter::once(&mut self.tcp).chain(&mut self.tcp6) {
            let mut text = String::new();
            file.rewind()?;
            file.read_to_string(&mut text)?;
            read(&text, Protocol::Tcp, of, &mut rows)?;
        }
        Ok(rows)
    }
}

/// The UDP sockets.
pub(super) fn udp_rows(of: Of<'_>) -> io::Result<Vec<Row>> {
    let mut rows = Vec::new();
    let text = fs::read_to_string("/proc/net/udp")?;
    read(&text, Protocol::Udp, of, &mut rows)?;
    match fs::read_to_string("/proc/net/udp6") {
        Err(error) if error.kind() == ErrorKind::NotFound => {} // a kernel without IPv6
        text => read(&text?, Protocol::Udp, of, &mut rows)?,
    }
    Ok(rows)
}

/// The lines of a file that are wanted, but for the names of its columns.
fn read(text: &str, protocol: Protocol, of: Of<'_>, rows: &mut Vec<Row>) -> io::Result<()> {
    for line in text.lines().skip(1) {
        let (local, peer) = ports(line).ok_or_else(|| malformed(line))?;
        if of.includes(local, peer) {
            rows.push(row(line, protocol).ok_or_else(|| malformed(line))?);
        }
    }
    Ok(())
}

/// The ports in a line, without reading the rest of it.
fn ports(line: &str) -> Option<(u16, u16)> {
    let mut addresses = line.split_ascii_whitespace().skip(1);
    let mut port = || u16::from_str_radix(addresses.next()?.rsplit(':').next()?, 16).ok();
    Some((port()?, port()?))
}

/// A line: `sl local_address rem_address st tx:rx tr:tm->when retrnsmt uid timeout inode …`. The
/// rest is `ref pointer drops` for UDP.
fn row(line: &str, protocol: Protocol) -> Option<Row> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let [
        _,
        local,
        peer,
        state,
        queues,
        timer,
        retransmits,
        _,
        probes,
        inode,
        ..,
    ] = fields[..]
    else {
        return None;
    };
    let state = State::from_kernel(u8::from_str_radix(state, 16).ok()?)?;
    let (send_q, recv_q) = queues.split_once(':')?;
    let hex = |digits| u32::from_str_radix(digits, 16).ok();
    let drops = match protocol {
        Protocol::Tcp => None,
        Protocol::Udp => Some(fields.get(12)?.parse().ok()?),
    };
    Some(Row {
        protocol,
        state,
        local: address(local)?,
        peer: address(peer)?,
        recv_q: hex(recv_q)?,
        send_q: hex(send_q)?,
        backlog: None,
        drops,
        window: None,
        segments_in: None,
        received: None,
        resent: None,
        unsent: None,
        timer: self::timer(timer, hex(retransmits)?, probes.parse().ok()?)?,
        inode: inode.parse().ok()?,
    })
}

/// `02:000ADBB2`: a kind, and the ticks that remain. The outer `None` is a field that cannot be
/// read.
fn timer(field: &str, retransmits: u32, probes: u32) -> Option<Option<Timer>> {
    let (kind, ticks) = field.split_once(':')?;
    let (kind, attempts) = match kind {
        "01" => (TimerKind::Retransmit, retransmits),
        "02" => (TimerKind::Keepalive, probes),
        "03" => (TimerKind::TimeWait, 0),
        "04" => (TimerKind::WindowProbe, probes),
        _ => return Some(None),
    };
    let remaining = TICK.saturating_mul(u32::from_str_radix(ticks, 16).ok()?);
    Some(Some(Timer {
        kind,
        remaining,
        attempts,
    }))
}

/// `0100007F:208A`: the address as one or four words in the machine's byte order, and the port.
fn address(field: &str) -> Option<SocketAddr> {
    let (ip, port) = field.split_once(':')?;
    let mut octets = [0; 16];
    for (i, octet) in octets.chunks_exact_mut(4).enumerate().take(ip.len() / 8) {
        let word = u32::from_str_radix(ip.get(i * 8..i * 8 + 8)?, 16).ok()?;
        octet.copy_from_slice(&word.to_ne_bytes());
    }
    let ip: IpAddr = match ip.len() {
        8 => Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3]).into(),
        32 => Ipv6Addr::from(octets).into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

fn malformed(line: &str) -> io::Error {
    io::Error::new(
        ErrorKind::InvalidData,
        format!("a table in /proc/net has a line of another form: `{line}`"),
    )
}

#[cfg(test)]
mod tests {
    use super::{Of, Protocol, Row, State, Timer, TimerKind};
    use std::time::Duration;

    const LISTENER: &str = "   0: 0100007F:208A 00000000:0000 0A 00000000:00000003 00:00000000 00000000     0        0 6279 1 0000 100 0 0 10 0";
    fn row(line: &str) -> Option<Row> {
        super::row(line, Protocol::Tcp)
    }

    const UDP: &str = "14639: 0100007F:EABE 00000000:0000 07 00000000:00000680 00:00000000 00000000     0        0 380434068 2 00000000045656bc 93    ";
    const MAPPED: &str = "   4: 0000000000000000FFFF00000100007F:479A 0000000000000000FFFF00000100007F:ECDE 01 00000005:00000000 02:000ADBB2 00000000     0        1 6276 1 0000 20 0 0 10 -1";

    #[test]
    #[cfg(target_endian = "little")] // /proc prints words in the machine's order; these were taken on x86-64
    fn reads_a_listener() {
        let expected = Row {
            protocol: Protocol::Tcp,
            state: State::Listen,
            local: "127.0.0.1:8330".parse().unwrap(),
            peer: "0.0.0.0:0".parse().unwrap(),
            recv_q: 3,
            send_q: 0,
            backlog: None,
            drops: None,
            window: None,
            segments_in: None,
            received: None,
            resent: None,
            unsent: None,
            timer: None,
            inode: 6279,
        };
        assert_eq!(row(LISTENER), Some(expected));
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn reads_an_ipv4_peer_of_a_dual_stack_socket() {
        let row = row(MAPPED).unwrap();
        assert_eq!(row.local, "[::ffff:127.0.0.1]:18330".parse().unwrap());
        assert_eq!(row.send_q, 5);
        let remaining = Duration::from_millis(0xADBB2 * 10);
        assert_eq!(
            row.timer,
            Some(Timer {
                kind: TimerKind::Keepalive,
                remaining,
                attempts: 1
            })
        );
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn reads_a_udp_socket_and_what_it_has_dropped() {
        let row = super::row(UDP, Protocol::Udp).unwrap();
        assert_eq!(row.local, "127.0.0.1:60094".parse().unwrap());
        assert_eq!((row.recv_q, row.drops), (0x680, Some(93)));
        assert!(row.is_unconnected());
        assert_eq!(super::row(&UDP[..120], Protocol::Udp), None);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn reads_the_rows_of_a_port_at_either_end() {
        let text = format!("the names of the columns\n{LISTENER}\n{MAPPED}\n");
        let ports_of = |of| {
            let mut rows = Vec::new();
            super::read(&text, Protocol::Tcp, of, &mut rows).unwrap();
            rows.iter().map(|row| row.local.port()).collect::<Vec<_>>()
        };
        assert_eq!(ports_of(Of::All), [8330, 18330]);
        assert_eq!(ports_of(Of::Ports(&[8330])), [8330]);
        assert_eq!(ports_of(Of::Ports(&[0xECDE])), [18330]); // the peer's
        assert!(ports_of(Of::Ports(&[1])).is_empty());
    }

    #[test]
    fn refuses_a_line_that_is_cut() {
        for end in 0..MAPPED.len() - 60 {
            assert_eq!(row(&MAPPED[..end]), None, "{}", &MAPPED[..end]);
        }
    }
}
