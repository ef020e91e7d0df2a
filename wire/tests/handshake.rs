//! What lessons `handshake` and `loss` capture, beside what tshark makes of it.

#[path = "../../tests/common/mod.rs"]
mod common;

use std::{
    fs,
    io::{Read, Write},
    net::{Shutdown, TcpListener},
    path::Path,
    process::Command,
};

use common::{Program, installed, lesson, read_until, run};
use socket_workshop::{folder::Temporary, peer::connected};
use wire::{
    conversation::Conversation,
    frame::segment,
    pcap::Packets,
    segment::{Segment, TcpOption},
};

/// A line for each segment, as tshark prints the fields of [`FIELDS`].
fn ours(path: &Path) -> Vec<String> {
    let packets = Packets::open(path).unwrap();
    let link = packets.link();
    let mut conversations: Vec<Conversation> = Vec::new();
    let mut lines = Vec::new();
    for packet in packets {
        let packet = packet.unwrap();
        let decoded = segment(link, &packet.bytes, packet.at).unwrap();
        let segment = decoded.expect("only segments are captured");
        let mut found = conversations.iter().rposition(|c| c.goes_on_with(&segment));
        if found.is_none() {
            conversations.push(Conversation::begun_by(&segment));
            found = Some(conversations.len() - 1);
        }
        let conversation = &mut conversations[found.unwrap()];
        conversation.segments.push(segment.clone());
        lines.push(line(conversation, &segment));
    }
    lines
}

const FIELDS: [&str; 14] = [
    "tcp.srcport",
    "tcp.dstport",
    "tcp.flags",
    "tcp.seq_raw",
    "tcp.ack_raw",
    "tcp.seq",
    "tcp.ack",
    "tcp.window_size",
    "tcp.len",
    "tcp.options.mss_val",
    "tcp.options.wscale.shift",
    "tcp.options.sack_perm",
    "tcp.options.timestamp.tsval",
    "tcp.options.timestamp.tsecr",
];

fn line(conversation: &Conversation, segment: &Segment) -> String {
    let mut fields = vec![
        segment.from.port().to_string(),
        segment.to.port().to_string(),
        format!("0x{:04x}", segment.flags.0),
        segment.seq.to_string(),
        segment.ack.to_string(),
        conversation.seq(segment).to_string(),
        conversation.ack(segment).to_string(),
        conversation.window(segment).to_string(),
        segment.len.to_string(),
    ];
    if segment.ack == 0 {
        fields[6] = "0".to_owned(); // it means nothing, and tshark has no base for it yet
    }
    let mut options = vec![String::new(); 5];
    for option in &segment.options {
        match option {
            TcpOption::Mss(bytes) => options[0] = bytes.to_string(),
            TcpOption::WindowScale(shift) => options[1] = shift.to_string(),
            TcpOption::SackPermitted => options[2] = "0402".to_owned(),
            TcpOption::Timestamps { value, echo } => {
                (options[3], options[4]) = (value.to_string(), echo.to_string());
            }
            other => panic!("not among the fields: {other:?}"),
        }
    }
    fields.extend(options);
    fields.join("\t")
}

fn tsharks(path: &Path) -> Vec<String> {
    let mut tshark = Command::new("tshark");
    tshark.arg("-r").arg(path).args(["-T", "fields"]);
    tshark.args(FIELDS.iter().flat_map(|field| ["-e", field]));
    let output = tshark.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn tshark_reads_the_same_in_what_lesson_handshake_captured() {
    tshark_reads_the_same("handshake", 12, &["lesson.svg"]);
}

#[test]
fn tshark_reads_the_same_in_what_lesson_loss_captured() {
    let drawn = ["lesson.svg", "lesson-2.svg", "lesson-3.svg"];
    tshark_reads_the_same("loss", 15, &drawn);
}

/// The lesson lists at least this number of segments, and draws these files.
fn tshark_reads_the_same(name: &str, segments: usize, drawings: &[&str]) {
    for addr in ["127.0.0.1:0", "[::1]:0"] {
        let folder = Temporary::new().unwrap();
        let file = |name| folder.path().join(name);
        let (pcap, svg) = (file("lesson.pcap"), file("lesson.svg"));
        let mut lesson = lesson(name);
        lesson.args(["--listen", addr, "--pcap"]).arg(&pcap);
        let output = run(lesson.arg("--svg").arg(&svg), "");
        let said = String::from_utf8_lossy(&output.stderr);
        if said.contains("cannot have a network of its own") {
            eprintln!("skipped: {said}");
            return;
        }
        assert!(output.status.success(), "{said}");
        let told = String::from_utf8(output.stdout).unwrap();
        let ours = ours(&pcap);
        let listed = told.lines().filter(|line| line.contains(" Seq=")).count();
        assert!(listed >= segments && ours.len() >= listed, "{told}");
        for drawing in drawings {
            let drawn = format!("drawn: {}\n", file(drawing).display());
            assert!(told.contains(&drawn), "{told}");
            let text = fs::read_to_string(file(drawing)).unwrap();
            assert!(text.contains("<svg") && text.contains("SYN"), "{text}");
        }
        if installed("tshark") {
            assert_eq!(ours, tsharks(&pcap));
        }
    }
}

#[test]
fn capture_lists_the_segments_of_another_program_until_ctrl_c() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let folder = Temporary::new().unwrap();
    let pcap = folder.path().join("capture.pcap");
    let mut command = lesson("handshake");
    command
        .args(["capture", "--port", &port, "--pcap"])
        .arg(&pcap);
    let mut program = Program::start(&mut command);
    let mut told = program.child.stdout.take().unwrap();
    let mut text = String::new();
    let begun = read_until(&mut told, &mut text, "Ctrl-C ends it\n");
    if !begun {
        let mut said = String::new();
        program
            .child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        assert!(
            said.contains("CAP_NET_RAW") && said.lines().count() == 1,
            "{said}"
        );
        assert_eq!(program.wait().code(), Some(1));
        eprintln!("skipped: {said}");
        return;
    }
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let _other_port = connected(&other).unwrap();
    let (mut client, mut server, end) = connected(&listener).unwrap();
    client.write_all(b"a question").unwrap();
    server.read_exact(&mut [0; 10]).unwrap();
    server.write_all(&vec![0; 100_000]).unwrap(); // in segments that no card could send
    client.read_exact(&mut vec![0; 100_000]).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    server.read_to_end(&mut Vec::new()).unwrap();
    drop(server);
    let own = end.local.port();
    let last = format!("{own} TIME_WAIT, {port} CLOSED\n");
    assert!(read_until(&mut told, &mut text, &last), "{text}");
    program.interrupt();
    told.read_to_string(&mut text).unwrap();
    assert!(program.wait().success(), "{text}");
    for wanted in [
        &format!("{own} → {port:<5}  [SYN] Seq=0 "),
        &format!("{port} → {own:<5}  [SYN, ACK] Seq=0 Ack=1 "),
        &format!("{own} → {port:<5}  [PSH, ACK] Seq=1 Ack=1 "),
        "Len=10\n",
        "[FIN, ACK] Seq=11 Ack=100001 ",
        " segments, conversations: 1\n",
    ] {
        assert!(text.contains(wanted), "{wanted} in {text}");
    }
    let ours = ours(&pcap);
    assert!(
        text.contains(&format!("\n{} segments, ", ours.len())),
        "{text}"
    );
    if installed("tshark") {
        assert_eq!(ours, tsharks(&pcap));
    }
}
