//! Numbers, windows, and which segments are a conversation's.

use super::Conversation;
use crate::segment::{Flags, Segment, TcpOption};
use std::{net::SocketAddr, time::Duration};

const CLIENT: SocketAddr = addr(40000);
const SERVER: SocketAddr = addr(8330);

const fn addr(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), port)
}

/// The client's SYN has number 4294967295, the next byte 0; the server's 99.
fn segment(from: SocketAddr, flags: Flags, seq: u32, ack: u32, len: usize) -> Segment {
    let syn = flags.has(Flags::SYN).then_some(TcpOption::WindowScale(7));
    Segment {
        at: Duration::ZERO,
        from,
        to: if from == CLIENT { SERVER } else { CLIENT },
        flags,
        seq,
        ack,
        window: 512,
        options: syn.into_iter().collect(),
        len,
    }
}

fn handshake() -> Vec<Segment> {
    vec![
        segment(CLIENT, Flags::SYN, u32::MAX, 0, 0),
        segment(SERVER, Flags::SYN | Flags::ACK, 99, 0, 0),
        segment(CLIENT, Flags::ACK, 0, 100, 0),
    ]
}

fn of(segments: Vec<Segment>) -> Conversation {
    let begun = Conversation::begun_by(&segments[0]);
    Conversation { segments, ..begun }
}

#[test]
fn numbers_are_counted_from_the_syn_round_the_end_of_32_bits() {
    let conversation = of(handshake());
    let infos = conversation.segments.iter().map(|s| conversation.info(s));
    let wanted = [
        "[SYN] Seq=0 Win=512 Len=0 WS=128",
        "[SYN, ACK] Seq=0 Ack=1 Win=512 Len=0 WS=128",
        "[ACK] Seq=1 Ack=1 Win=65536 Len=0",
    ];
    assert_eq!(infos.collect::<Vec<_>>(), wanted);
}

#[test]
fn of_a_conversation_that_was_under_way_the_first_number_seen_is_1() {
    let conversation = of(vec![segment(SERVER, Flags::ACK, 500, 700, 5)]);
    assert_eq!((conversation.client, conversation.server), (CLIENT, SERVER));
    let info = conversation.info(&conversation.segments[0]);
    assert_eq!(info, "[ACK] Seq=1 Ack=1 Win=512 Len=5");
}

#[test]
fn an_answer_that_is_seen_first_is_the_servers() {
    let answer = segment(CLIENT, Flags::SYN | Flags::ACK, 1, 1, 0);
    assert_eq!(Conversation::begun_by(&answer).client, SERVER);
}

#[test]
fn another_syn_of_the_same_ports_begins_another_conversation() {
    let conversation = of(handshake());
    let again = segment(CLIENT, Flags::SYN, u32::MAX, 0, 0);
    let another = segment(CLIENT, Flags::SYN, 5, 0, 0);
    assert!(conversation.goes_on_with(&again) && !conversation.goes_on_with(&another));
}

#[test]
fn after_a_refused_syn_a_syn_of_the_other_end_begins_another_conversation() {
    let refused = vec![
        segment(CLIENT, Flags::SYN, u32::MAX, 0, 0),
        segment(SERVER, Flags::RST | Flags::ACK, 0, 0, 0),
    ];
    let back = segment(SERVER, Flags::SYN, 367_974_519, 0, 0);
    assert!(!of(refused).goes_on_with(&back));
    // Where nothing was refused, it is a simultaneous open.
    assert!(of(handshake()[..1].to_vec()).goes_on_with(&back));
    let answer = segment(CLIENT, Flags::SYN | Flags::ACK, u32::MAX, 367_974_520, 0);
    assert!(of(vec![back]).goes_on_with(&answer));
}

#[test]
fn a_syn_and_a_fin_count_for_one_and_a_gap_does_not_add_up() {
    let data = segment(CLIENT, Flags::PSH | Flags::ACK, 0, 100, 5);
    let fin = segment(CLIENT, Flags::FIN | Flags::ACK, 5, 100, 0);
    let last = segment(SERVER, Flags::ACK, 100, 6, 0);
    let mut segments = handshake();
    segments.extend([data, fin, last]);
    assert!(of(segments.clone()).adds_up());
    segments.remove(3);
    assert!(!of(segments).adds_up());
}

#[test]
fn the_time_until_a_segment_was_sent_again() {
    let mut segments = handshake();
    let again = segments[0].clone();
    segments.push(Segment {
        at: Duration::from_secs(1),
        ..again
    });
    let conversation = of(segments);
    assert_eq!(conversation.sent_again(Flags::SYN).as_secs(), 1);
    assert!(conversation.sent_again(Flags::ACK).is_zero());
}
