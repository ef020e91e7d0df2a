//! Lesson `headers`, run as a user would: by default, step by step, with a frame in hex, with a
//! capture, with frames that are cut, with wrong arguments, and with a reader that goes away.

#[path = "../../tests/common/mod.rs"]
mod common;

use std::{env, fs, io::Read, path::PathBuf, process::Output};

use common::{Program, lesson, run};

/// What it says on stdin's frame, or without one.
fn headers(arguments: &[&str], input: &str) -> Output {
    run(lesson("headers").args(arguments), input)
}

fn told(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("a lesson is text")
}

#[track_caller]
fn one_line(output: &Output, status: i32, words: &[&str]) {
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(status), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    for word in words {
        assert!(said.contains(word), "no `{word}` in: {said}");
    }
}

/// A file that is there as long as this.
struct File(PathBuf);

impl File {
    fn new(name: &str, bytes: &[u8]) -> File {
        let path = env::temp_dir().join(format!("headers-{}-{name}", std::process::id()));
        fs::write(&path, bytes).unwrap();
        File(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A capture of one packet on a link of type raw IP: 28 of its bytes, an empty datagram.
fn capture() -> Vec<u8> {
    let mut file = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    file.extend([0, 1, 0, 0, 101, 0, 0, 0]);
    file.extend([0, 0, 0, 0, 0, 0, 0, 0, 28, 0, 0, 0, 28, 0, 0, 0]);
    file.extend([
        0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0x7c, 0xcf, 127, 0, 0, 1, 127, 0, 0, 1,
    ]);
    file.extend([0, 9, 0, 9, 0, 8, 0, 0]);
    file
}

#[test]
fn five_frames_and_every_claim() {
    let output = headers(&[], "");
    let told = told(&output);
    assert!(output.status.success(), "{told}");
    for line in told.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let sentences = told.replace('\n', " "); // a sentence may take two lines
    for text in [
        "1. arp-request, 60 bytes: Ethernet 14 [ ARP 28 ] padding 18 ",
        "3. tftp-read-request, 97 bytes: Ethernet 14 [ IPv4 20 [ UDP 8 [ TFTP 55 ]]] ",
        "5. tcp-data, 72 bytes: Ethernet 14 [ IPv4 20 [ TCP 32 [ data 6 ]]] ",
        "ARP has 28, plus 18 of padding.",
        "bits flipped 0x25ec; in the header 0x25ec.",
        "bits flipped 0xac40; in the header 0xac40.",
        "With a TTL of one less, IP's checksum is wrong",
        "With one bit of the name flipped, UDP's checksum is wrong",
        "15 words at most, which is 60 bytes.",
    ] {
        assert!(sentences.contains(text), "no {text:?} in\n{told}");
    }
}

#[test]
fn predictions_are_graded_and_counted() {
    let names = "ethernet, arp\nEthernet ARP\nIPv4\n\nEthernet/IPv4/TCP\n";
    let output = headers(&["--predict"], names);
    let told = told(&output);
    assert!(output.status.success(), "{told}");
    for text in [
        "\n  48  fd 78 41 d3 00 00 00 00 00 00 00 00\nWhich headers",
        " Ethernet ARP (right)\n",
        " Ethernet IPv4 UDP TFTP (you said IPv4)\n",
        " Ethernet IPv4 TCP (not predicted)\n",
        "\nPredicted: 3 of 4.\n",
    ] {
        assert!(told.contains(text), "no {text:?} in\n{told}");
    }
    let nobody = headers(&["--predict"], "");
    let told = String::from_utf8_lossy(&nobody.stdout);
    assert!(told.ends_with("\nPredicted: 0 of 0.\n"), "{told}");
    assert_eq!(
        told.matches("  16  ").count(),
        1 + 5,
        "one dump, and no more questions: {told}"
    );
}

#[test]
fn step_waits_for_enter_and_goes_on_at_the_end_of_stdin() {
    let output = headers(&["--step"], "\n\n");
    assert!(output.status.success());
    assert_eq!(
        told(&output).matches("[Enter] ").count(),
        3,
        "two Enters, then the end of stdin"
    );
    assert!(headers(&["--pause", "1ms"], "").status.success());
}

#[test]
fn a_frame_in_hex() {
    let arp = "ffffffffffff 00055d6158a8 0806\n0001 0800 06 04 0001 00:05:5d:61:58:a8 c0a80037 \
               000000000000 c0a80002\n";
    let output = headers(&["-"], arp);
    assert!(output.status.success());
    assert!(told(&output).contains("stdin, 42 bytes: Ethernet 14 [ ARP 28 ]\n"));
}

#[test]
fn a_header_that_is_cut_or_lies_is_one_line_that_names_field_and_offset() {
    let output = headers(&["-"], "ffffffffffff 00055d6158a8 0800 4500 0053 9325");
    assert!(
        told(&output).contains("layer 2, link: Ethernet"),
        "what is whole is shown"
    );
    one_line(&output, 1, &["IPv4 reserved at offset 20: cut short"]);
    one_line(
        &headers(
            &["-"],
            "ffffffffffff 00055d6158a8 0800 4500 0053 9325 0000 8011 25ec c0a80037 c0a80001",
        ),
        1,
        &["IPv4 total length at offset 16: it says 83 bytes, and 20 are there"],
    );
    one_line(&headers(&["-"], "45 0"), 1, &["byte 2 has one digit"]);
    one_line(
        &headers(&["-"], "45 zz"),
        1,
        &["`z` is not a hexadecimal digit"],
    );
    one_line(
        &headers(&["-"], ""),
        1,
        &["Ethernet destination at offset 0"],
    );
}

#[test]
fn the_first_packets_of_a_capture() {
    let file = File::new("one.pcap", &capture());
    let output = headers(&[file.path(), "--first", "3"], "");
    assert!(told(&output).contains("\n1. 0ns after the first, 28 bytes: IPv4 20 [ UDP 8 ]\n"));
    assert!(output.status.success());
    assert!(told(&headers(&[file.path(), "--first", "0"], "")).is_empty());

    let cut = File::new("cut.pcap", &capture()[..60]);
    one_line(
        &headers(&[cut.path()], ""),
        1,
        &["packet 1 of", cut.path(), "ends in the middle"],
    );
    let none = File::new("none.pcap", b"nothing of the kind, but long enough");
    one_line(
        &headers(&[none.path()], ""),
        1,
        &[none.path(), "no pcap file"],
    );
    one_line(
        &headers(&["no/such/file"], ""),
        1,
        &["cannot read `no/such/file`"],
    );
}

#[test]
fn wrong_arguments_are_one_line_and_status_2() {
    for (wrong, word) in [
        (&["--no-such-flag"][..], "--no-such-flag"),
        (&["--first", "3"], "`FILE`"),
        (&["-", "--first", "some"], "--first"),
        (&["--pause", "soon"], "--pause"),
    ] {
        one_line(&headers(wrong, ""), 2, &["headers", word]);
    }
    assert!(told(&headers(&["--help"], "")).contains("--step"));
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let mut program = Program::start(&mut lesson("headers"));
    drop(program.child.stdout.take());
    let mut complaint = String::new();
    let mut stderr = program.child.stderr.take().unwrap();
    stderr.read_to_string(&mut complaint).unwrap();
    assert!(
        program.wait().success() && complaint.is_empty(),
        "{complaint}"
    );
}
