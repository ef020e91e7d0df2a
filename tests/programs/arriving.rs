//! What both programs that receive files, `transfer` and `tftp`, do in their folder: what is
//! arriving, what is left of a process that was killed, and what is on the disk.

use std::{
    fs,
    net::{SocketAddr, TcpStream, UdpSocket},
    process::{ChildStdout, Command},
};

use socket_workshop::{
    deadline::Deadline,
    folder::Temporary,
    tftp::Packet,
    transfer::{ANSWER, read_message, write_message},
};

use crate::common::{PATIENCE, Program, again_after_a_stop, installed, lesson, run};

type Served = (Program, SocketAddr, std::io::BufReader<ChildStdout>);

const PROGRAMS: [&str; 2] = ["transfer", "tftp"];

fn serve(name: &str, folder: &Temporary) -> Served {
    let mut command = lesson(name);
    command.arg("serve").arg(folder.path());
    Program::serve(command.args(["--listen", "127.0.0.1:0"]))
}

fn names(folder: &Temporary) -> Vec<String> {
    let files = fs::read_dir(folder.path()).unwrap().flatten();
    let mut names: Vec<String> = files
        .map(|file| file.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A file of five bytes on its way: the server has accepted its name.
enum Upload {
    Transfer(TcpStream),
    Tftp(UdpSocket),
}

impl Upload {
    /// What the server answers to the name: the upload, or why not.
    fn begin(program: &str, server: SocketAddr, name: &str) -> Result<Upload, String> {
        if program == "transfer" {
            let stream = TcpStream::connect(server).unwrap();
            write_message(&stream, name.as_bytes()).unwrap();
            let upload = Upload::Transfer(stream);
            return upload.answer().map(|()| upload);
        }
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!("\0\x02{name}\0octet\0");
        socket.send_to(request.as_bytes(), server).unwrap();
        let mut buf = [0; 600];
        let (n, transfer) = again_after_a_stop(|| socket.peek_from(&mut buf)).unwrap();
        socket.connect(transfer).unwrap();
        let upload = Upload::Tftp(socket);
        match Packet::parse(&buf[..n]) {
            Some(Packet::Ack(0)) => upload.answer().map(|()| upload),
            other => Err(format!("{other:?}")),
        }
    }

    fn end(&self) {
        match self {
            Upload::Transfer(stream) => {
                write_message(stream, &5_u64.to_be_bytes()).unwrap();
                self.answer().unwrap();
                std::io::Write::write_all(&mut &*stream, b"bytes").unwrap();
            }
            Upload::Tftp(socket) => drop(socket.send(b"\0\x03\0\x01bytes").unwrap()),
        }
        self.answer().unwrap();
    }

    fn answer(&self) -> Result<(), String> {
        match self {
            Upload::Transfer(stream) => {
                let answer = read_message(Deadline::after(PATIENCE).on(stream), ANSWER).unwrap();
                match &answer[..] {
                    b"OK" => Ok(()),
                    _ => Err(String::from_utf8(answer).unwrap()),
                }
            }
            Upload::Tftp(socket) => {
                let mut buf = [0; 600];
                let n = again_after_a_stop(|| socket.recv(&mut buf)).unwrap();
                match Packet::parse(&buf[..n]) {
                    Some(Packet::Ack(_)) => Ok(()),
                    other => Err(format!("{other:?}")),
                }
            }
        }
    }
}

#[test]
fn a_start_removes_what_a_killed_process_has_left_and_nothing_else() {
    for name in PROGRAMS {
        let folder = Temporary::new().unwrap();
        let (mut killed, addr, _said) = serve(name, &folder);
        let _cut = Upload::begin(name, addr, "cut").unwrap();
        let (_living, addr, _said) = serve(name, &folder);
        let whole = Upload::begin(name, addr, "whole").unwrap();
        assert_eq!(names(&folder).len(), 2, "{name}: both are arriving");
        killed.child.kill().unwrap(); // SIGKILL
        assert!(!killed.wait().success());
        assert_eq!(names(&folder).len(), 2, "{name}: it could not clean up");
        let _third = serve(name, &folder);
        assert_eq!(names(&folder).len(), 1, "{name}: {:?}", names(&folder));
        whole.end();
        // The name that it had while it arrived goes a moment after the answer.
        let alone = || Ok((names(&folder) == ["whole"]).then_some(()));
        let alone = Deadline::after(PATIENCE).wait_for(alone).unwrap();
        assert!(alone.is_some(), "{name}: {:?}", names(&folder));
        assert_eq!(fs::read(folder.path().join("whole")).unwrap(), b"bytes");
    }
}

#[test]
fn a_name_with_a_control_character_is_refused() {
    for program in PROGRAMS {
        let folder = Temporary::new().unwrap();
        let (_server, addr, _said) = serve(program, &folder);
        for name in ["a\nb", "\x1b[2J", "a\u{7f}", "\u{9b}31m", "\t"] {
            let refused = Upload::begin(program, addr, name).err();
            let refused = refused.unwrap_or_else(|| panic!("{program} accepts {name:?}"));
            assert!(refused.contains("control character"), "{refused}");
            assert!(!refused.contains(char::is_control), "{refused:?}");
        }
        assert_eq!(names(&folder), [""; 0]);
    }
}

/// Errors that name a file are one line, whatever its name.
#[test]
fn names_are_printed_with_their_control_characters_escaped() {
    let folder = Temporary::new().unwrap();
    let odd = folder.path().join("a\n\x1b[2J");
    let file = folder.path().join("file");
    fs::write(&file, "bytes").unwrap();
    let (_server, addr, _said) = serve("transfer", &folder);
    let (_server, udp, _said) = serve("tftp", &folder);
    let (addr, udp) = (addr.to_string(), udp.to_string());
    let of = |program: &str, words: [&str; 4]| {
        let mut command = lesson(program);
        command.args(words).current_dir(folder.path());
        command
    };
    let path = odd.to_str().unwrap();
    for mut command in [
        of("transfer", ["send", path, "--to", &addr]),
        of("transfer", ["serve", path, "--listen", "127.0.0.1:0"]),
        of("tftp", ["put", path, "--to", &udp]),
        of("tftp", ["serve", path, "--listen", "127.0.0.1:0"]),
        of("tftp", ["get", "a\n\x1b[2J", "--from", &udp]),
    ] {
        let output = run(&mut command, "");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{command:?}: {said}");
        let line = said.strip_suffix('\n').unwrap();
        assert!(!line.contains(char::is_control), "{command:?}: {line:?}");
        assert!(line.contains(r"a\n\u{1b}[2J"), "{command:?}: {line}");
    }
}

/// rename(2) and link(2) change the folder, and fsync(2) of the file does not write the folder.
#[test]
fn a_file_and_its_name_are_on_the_disk_before_the_sender_is_told() {
    let traced = |program: &str, more: &[&str], folder: &Temporary, log: &str| {
        let mut command = Command::new("strace");
        command.args(["-D", "-f", "-y", "-o", log, "-e"]);
        command.arg("trace=fsync,link,linkat,rename,renameat,renameat2,sendto");
        command.arg(lesson(program).get_program());
        command.arg("serve").arg(folder.path()).args(more);
        command.stdout(std::process::Stdio::piped());
        Program::serve(command.args(["--listen", "127.0.0.1:0"]))
    };
    if !installed("strace")
        || !Command::new("strace")
            .args(["-o", "/dev/null", "true"])
            .status()
            .unwrap()
            .success()
    {
        return eprintln!("skipped: strace cannot trace here");
    }
    for (program, more, renamed, told) in [
        ("transfer", &["--replace"][..], "rename(", "\\0\\0\\0\\2OK"),
        ("transfer", &[], "link", "\\0\\0\\0\\2OK"),
        ("tftp", &[], "link", "\\0\\4\\0\\1"),
    ] {
        let (folder, logs) = (Temporary::new().unwrap(), Temporary::new().unwrap());
        let log = logs.path().join("log");
        let (mut server, addr, _said) = traced(program, more, &folder, log.to_str().unwrap());
        Upload::begin(program, addr, "file").unwrap().end();
        server.interrupt();
        server.wait();
        let path = folder.path().display();
        let log = Deadline::after(PATIENCE)
            .wait_for(|| {
                let log = fs::read_to_string(&log)?;
                Ok(log.contains("+++ exited").then_some(log))
            })
            .unwrap()
            .expect("strace ends with the program");
        let at = |what: &dyn Fn(&str) -> bool| {
            let lines: Vec<&str> = log.lines().collect();
            let last = lines.iter().rposition(|line| what(line));
            last.unwrap_or_else(|| panic!("{program} does not do all of it:\n{log}"))
        };
        let steps = [
            at(&|call| call.contains("fsync(") && call.contains(&format!("<{path}/.incoming"))),
            at(&|call| call.contains(renamed) && call.contains(&format!("{path}/file"))),
            at(&|call| call.contains("fsync(") && call.contains(&format!("<{path}>"))),
            at(&|call| call.contains("sendto(") && call.contains(told)),
        ];
        assert!(steps.is_sorted(), "{program}: {steps:?} in\n{log}");
    }
}
