//! A filter that runs in the kernel: only rows with one of some ports at either end come back.
//!
//! A dump request may carry the attribute INET_DIAG_REQ_BYTECODE, a small program that the kernel
//! runs for each socket. `ss 'sport = :8330 or dport = :8330'` sends one too. The kernel still
//! walks over all sockets, but it copies only the matching ones, and that copying is where the time
//! goes.
//!
//! Every instruction is a conditional jump forward, `struct inet_diag_bc_op`: a code, the distance
//! to jump if the condition holds (`yes`), and the distance if it does not (`no`), in bytes from
//! the instruction. `yes` must lead to the next instruction. A comparison with a port is two words
//! long: the port stands in the `no` of the second. A socket matches if the program ends exactly at
//! its end, and does not match if a jump leads 4 bytes beyond. For one port:
//!
//! ```text
//!  0  S_EQ 8330   yes  8   no 12     the local port is another one: go on at 12
//!  8  JMP                  no 12     it is this one: to the end, at 20
//! 12  D_EQ 8330   yes  8   no 12     the peer's port is this one: to the end; else beyond it, at 24
//! 20
//! ```
//!
//! Sources: `include/uapi/linux/inet_diag.h`, and `inet_diag_bc_audit` (the rules) and
//! `inet_diag_bc_run` (the machine) in `net/ipv4/inet_diag.c`, in the kernel's tree. S_EQ and D_EQ
//! came with Linux 4.16.

use super::pieces::Bytes;

const JMP: u8 = 1;
const S_EQ: u8 = 11;
const D_EQ: u8 = 12;
/// The length of a comparison, of a jump, and of the two together.
const COMPARISON: u8 = 8;
const JUMP: u8 = 4;
const TEST: u16 = 12;

/// A filter for more ports is slower than a dump of all rows. With 20 000 foreign rows (Linux
/// 6.18): 1 port 1.3 ms, 64 ports 6.7 ms, 128 ports 11 ms; all rows 9 ms, and as long again to read
/// them.
pub(super) const MOST_PORTS: usize = 64;

/// The program that matches sockets with one of these ports at either end. `None` if there are too
/// many ports for a filter to pay, or none.
pub(super) fn of_ports(ports: &[u16]) -> Option<Vec<u8>> {
    let mut ports = ports.to_vec();
    ports.sort_unstable();
    ports.dedup();
    if ports.is_empty() || ports.len() > MOST_PORTS {
        return None;
    }
    let tests: Vec<(u8, u16)> = ports
        .iter()
        .flat_map(|port| [(S_EQ, *port), (D_EQ, *port)])
        .collect();
    let mut program = Vec::new();
    for (i, (code, port)) in tests.iter().enumerate() {
        program.op(*code, COMPARISON, TEST);
        program.op(0, 0, *port);
        // The last comparison needs no jump: it ends where the program ends.
        let tests_left = (tests.len() - 1 - i) as u16; // at most 127
        if tests_left > 0 {
            program.op(JMP, JUMP, tests_left * TEST);
        }
    }
    Some(program)
}

trait Program {
    fn op(&mut self, code: u8, yes: u8, no: u16);
}

impl Program for Vec<u8> {
    /// Adds a `struct inet_diag_bc_op`.
    fn op(&mut self, code: u8, yes: u8, no: u16) {
        self.extend([code, yes]);
        self.put_u16(no);
    }
}

#[cfg(test)]
mod tests {
    use super::{D_EQ, JMP, MOST_PORTS, S_EQ, of_ports};

    /// What `inet_diag_bc_run` does, with what `inet_diag_bc_audit` demands of each instruction.
    fn matches(program: &[u8], local: u16, peer: u16) -> bool {
        let u16_at = |at: usize| u16::from_ne_bytes([program[at], program[at + 1]]);
        let mut at = 0;
        while at < program.len() {
            let (code, yes, no) = (program[at], usize::from(program[at + 1]), u16_at(at + 2));
            let least = if code == JMP { 4 } else { 8 };
            let left = program.len() - at;
            assert!(yes >= least && yes <= left + 4 && yes % 4 == 0);
            assert!(usize::from(no) >= least && usize::from(no) <= left + 4 && no % 4 == 0);
            let holds = match code {
                JMP => false,
                S_EQ => local == u16_at(at + 6),
                D_EQ => peer == u16_at(at + 6),
                other => panic!("{other} is not one of our instructions"),
            };
            at += if holds { yes } else { usize::from(no) };
        }
        at == program.len()
    }

    #[test]
    fn the_program_for_one_port_is_the_one_in_the_documentation() {
        let words: Vec<[u8; 4]> = [(S_EQ, 8, 12), (0, 0, 8330), (JMP, 4, 12), (D_EQ, 8, 12)]
            .into_iter()
            .chain([(0, 0, 8330)])
            .map(|(code, yes, no): (u8, u8, u16)| {
                let [low, high] = no.to_ne_bytes();
                [code, yes, low, high]
            })
            .collect();
        assert_eq!(of_ports(&[8330]), Some(words.concat()));
    }

    #[test]
    fn no_ports_and_very_many_have_no_filter() {
        assert_eq!(of_ports(&[]), None);
        let many: Vec<u16> = (1..=MOST_PORTS as u16 + 1).collect();
        assert_eq!(of_ports(&many), None);
        assert!(of_ports(&many[1..]).is_some());
        let the_same = [8330; 2 * MOST_PORTS];
        assert_eq!(of_ports(&the_same), of_ports(&[8330]));
    }

    #[test]
    fn a_socket_matches_if_it_has_one_of_the_ports_at_either_end() {
        for ports in [&[7][..], &[3, 9], &[9, 3, 5, 9], &[1, 2, 3, 4, 5, 6, 7, 8]] {
            let program = of_ports(ports).unwrap();
            for (local, peer) in (0..12).flat_map(|local| (0..12).map(move |peer| (local, peer))) {
                let has_one = ports.contains(&local) || ports.contains(&peer);
                assert_eq!(
                    matches(&program, local, peer),
                    has_one,
                    "{ports:?} {local} {peer}"
                );
            }
        }
    }
}
