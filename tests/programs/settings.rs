//! Every lesson on a kernel with unusual settings: it passes, or ends soon and names the setting.

use std::process::{Command, Stdio};

use crate::{
    common::{PATIENCE, Program, installed, lesson},
    refusals::{in_parallel, lessons},
};
use socket_workshop::deadline::Deadline;

/// Settings that an administrator may have chosen and that refute stages of some lessons, in the
/// lesson's own network: each namespace has its own values.
const SETTINGS: [(&str, &str); 7] = [
    ("net.core.somaxconn", "16"),
    ("net.ipv4.tcp_max_tw_buckets", "0"),
    ("net.ipv4.tcp_syncookies", "2"),
    ("net.ipv4.tcp_abort_on_overflow", "1"),
    ("net.ipv4.tcp_wmem", "4096 4096 4096"),
    ("net.ipv4.tcp_timestamps", "0"),
    ("net.ipv4.tcp_migrate_req", "1"),
];

/// The program in a network of its own, in which the setting has this value.
fn with(setting: &str, value: &str, program: &Command) -> Command {
    let file = format!("/proc/sys/{}", setting.replace('.', "/"));
    let prepare = format!("ip link set lo up && echo {value} > {file} && exec \"$0\" \"$@\"");
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "--net", "sh", "-c", &prepare])
        .arg(program.get_program())
        .args(program.get_args())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// Whether the machine allows a test its own network, and has the setting there.
fn can_be_set(setting: &str, value: &str) -> bool {
    let output = with(setting, value, &Command::new("true")).output();
    let output = output.expect("unshare is installed");
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        eprintln!("skipped: {setting} cannot be set in a network of its own: {said}");
    }
    output.status.success()
}

#[test]
fn with_unusual_settings_a_lesson_passes_or_ends_and_names_the_setting() {
    if !installed("unshare") || !installed("ip") {
        return;
    }
    let mut runs = Vec::new();
    for (setting, value) in SETTINGS {
        if !can_be_set(setting, value) {
            continue;
        }
        for name in lessons() {
            runs.push((name, setting, value));
        }
    }
    in_parallel(runs, |(name, setting, value)| {
        let mut program = lesson(&name);
        program.args(["--listen", "127.0.0.1:0"]);
        let mut program = Program::start(&mut with(setting, value, &program));
        let ended = Deadline::after(PATIENCE).wait_for(|| program.child.try_wait());
        let ended = ended.expect("it is our child");
        let status = ended.unwrap_or_else(|| panic!("{name} hangs with {setting}={value}"));
        let stderr = program.child.stderr.take().expect("it was piped");
        let said = std::io::read_to_string(stderr).expect("it is text");
        if status.success() {
            return;
        }
        let what = format!("{name} with {setting}={value}: {said}");
        assert_eq!(status.code(), Some(1), "{what}");
        let names = format!("{name}: unusual settings of this kernel: {setting} is {value} (");
        let lines = said.lines().filter(|line| line.starts_with(&names));
        assert_eq!(lines.count(), 1, "{what}");
    });
}
