//! Every lesson, run as a user would: by default, step by step, predicting, with a busy address,
//! with a reader that goes away, with wrong arguments, and against real programs.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream, UdpSocket},
    process::{Command, Output, Stdio},
    thread,
};

use crate::common::{PATIENCE, Program, installed, lesson, read_until, run};
use socket_workshop::{
    deadline::Deadline,
    table::{End, Kernel, State},
};

/// The lessons, and how many stages each has.
const LESSONS: [(&str, usize); 28] = [
    ("hello", 5),
    ("listener", 5),
    ("dialer", 5),
    ("families", 3),
    ("echo", 6),
    ("deadlines", 5),
    ("heartbeat", 5),
    ("reuseaddr", 5),
    ("kv", 5),
    ("close", 13),
    ("states", 7),
    ("rare_states", 10),
    ("reuseport", 7),
    ("nonblocking", 5),
    ("window", 7),
    ("zero_window", 6),
    ("backlog", 4),
    ("accept_errors", 6),
    ("servers", 7),
    ("shutdown", 6),
    ("latency", 5),
    ("proxy", 7),
    ("transfer", 8),
    ("datagrams", 6),
    ("tftp", 3),
    ("headers", 0), // no sockets, no stages: wire/tests/headers.rs runs it
    ("handshake", 5),
    ("loss", 6),
];

fn on_any_port(name: &str) -> Command {
    let mut command = lesson(name);
    command.args(["--listen", "127.0.0.1:0"]);
    command
}

/// The story: kv tells it on stderr.
fn story(name: &str, output: &Output) -> String {
    let told = if name == "kv" {
        &output.stderr
    } else {
        &output.stdout
    };
    String::from_utf8(told.clone()).expect("a story is text")
}

/// Runs a test for all lessons side by side; they mostly wait.
fn for_each_lesson(test: impl Fn(&str, usize) + Sync) {
    thread::scope(|scope| {
        for (name, stages) in LESSONS.into_iter().filter(|(_, stages)| *stages > 0) {
            let test = &test;
            scope.spawn(move || test(name, stages));
        }
    });
}

/// Demands that the kernel has confirmed all stages. `loss` may leave out five, and say so, where
/// it may not have a network of its own.
#[track_caller]
fn all_are_confirmed(name: &str, told: &str, stages: usize) {
    if name == "loss" && told.contains("The lesson cannot show its segments here: ") {
        eprintln!("skipped: here {name} loses no segments");
        let told = told.replace('\n', " ");
        let rest = stages - 5;
        let counted = format!("confirmed {rest} of {stages} stages; 5 were left out: ");
        assert!(told.contains(&counted), "{told}");
        return;
    }
    let counted = format!("\nThe kernel has confirmed all {stages} stages.\n");
    assert!(told.ends_with(&counted), "{name}: {told}");
}

#[test]
fn every_lesson_is_listed_here_and_in_the_documents() {
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/examples")).unwrap();
    let names: BTreeSet<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
        .map(|name| name.replace(".rs", ""))
        .collect();
    assert_eq!(names, LESSONS.map(|(name, _)| name.to_owned()).into());
    let readme = include_str!("../../README.md");
    let path = include_str!("../../examples/README.md");
    let teaching = include_str!("../../docs/teaching.md");
    let mut so_far = 0;
    for (name, _) in LESSONS {
        let row = |text: &str| text.find(&format!("| {name} |"));
        let command = format!("`cargo run --example {name}`");
        assert!(
            row(&readme.replace(&command, name)).is_some(),
            "README: {name}"
        );
        assert!(
            row(&teaching.replace('`', "")).is_some(),
            "teaching: {name}"
        );
        let link = format!("| [`{name}`]({name}.rs) |");
        let place = path.find(&link).expect(&link);
        assert!(
            place > so_far,
            "{name} comes too early in examples/README.md"
        );
        so_far = place;
    }
}

#[test]
fn the_guide_has_minutes_for_each_stage_and_those_of_the_exercise() {
    let guide = include_str!("../../docs/teaching.md");
    let (_, minutes) = guide.split_once("\n## Minutes\n").unwrap();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let exercises: Vec<_> = std::fs::read_dir(root.join("exercises"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    for (name, stages) in LESSONS {
        let row = minutes
            .lines()
            .find_map(|line| line.strip_prefix(&format!("| `{name}` | ")));
        let cells: Vec<&str> = row.expect(name).split('|').map(str::trim).collect();
        let each: Vec<u32> = cells[0]
            .split(' ')
            .map(|minutes| minutes.parse().unwrap())
            .collect();
        assert!(stages == 0 || each.len() == stages, "{name}: {}", cells[0]);
        assert_eq!(each.iter().sum::<u32>().to_string(), cells[1], "{name}");
        let its_exercise = exercises
            .iter()
            .find(|path| path.to_string_lossy().ends_with(&format!("_{name}.rs")));
        let in_header = its_exercise.map_or(String::new(), |path| {
            let header = std::fs::read_to_string(path).unwrap();
            let minutes = header.split("rules (about ").skip(1);
            let minutes: Vec<&str> = minutes
                .map(|rest| rest.split(' ').next().unwrap())
                .collect();
            minutes.join(" + ")
        });
        assert_eq!(cells[3], in_header, "{name}");
    }
}

/// The question of a lesson in `docs/teaching.md`.
fn question(name: &str) -> &'static str {
    let teaching = include_str!("../../docs/teaching.md");
    let row = format!("| `{name}` | ");
    let (_, rest) = teaching.split_once(&row).expect(&row);
    rest.split(" | ").next().expect("a row has cells")
}

/// The source of a lesson, with each string that takes several lines put into one.
fn source(name: &str) -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join(format!("examples/{name}.rs"))).unwrap();
    let mut lines = text.split("\\\n");
    let mut joined = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        joined += line.trim_start();
    }
    joined
}

#[test]
fn each_lesson_asks_the_question_that_the_guide_has_for_it() {
    for (name, stages) in LESSONS {
        if stages == 0 {
            continue;
        }
        let source = source(name);
        let (_, asked) = source.split_once(".asks(").expect(name);
        let question = format!("\"{}\"", question(name));
        assert!(
            asked.trim_start().starts_with(&question),
            "{name} does not ask: {question}"
        );
    }
}

/// A projector shows 80 columns.
#[test]
fn no_line_of_a_lesson_is_longer_than_80_characters() {
    for_each_lesson(|name, _| {
        let told = story(name, &run(&mut on_any_port(name), ""));
        for line in told.lines() {
            assert!(line.chars().count() <= 80, "{name}: {line}");
        }
    });
}

/// `](FILE.md)`, `](../FILE.rs)` and the like.
#[test]
fn what_the_glossary_and_the_path_point_to_is_there() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for (folder, file) in [("docs", "glossary.md"), ("examples", "README.md")] {
        let text = std::fs::read_to_string(root.join(folder).join(file)).unwrap();
        let targets = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        let mut links = 0;
        for target in targets.map(|target| target.split('#').next().unwrap()) {
            assert!(root.join(folder).join(target).exists(), "{file}: {target}");
            links += 1;
        }
        assert!(links > 20, "{file} has {links} links");
    }
}

#[test]
fn the_kernel_confirms_every_stage_of_every_lesson() {
    for_each_lesson(|name, stages| {
        let output = run(&mut on_any_port(name), "");
        let told = story(name, &output);
        assert!(
            output.status.success(),
            "{name}: {}\n{told}",
            String::from_utf8_lossy(&output.stderr)
        );
        all_are_confirmed(name, &told, stages);
        assert!(
            told.starts_with("In another terminal:  watch -n1 'netstat -na"),
            "{name}"
        );
    });
}

/// Runs these commands, then a lesson, in namespaces of the test's own (namespaces(7)).
fn run_in(namespaces: &[&str], commands: &str, name: &str) -> Output {
    let script = format!("{commands} && exec \"$0\" \"$@\"");
    let mut command = Command::new("unshare");
    command
        .args(namespaces)
        .args(["sh", "-c", &script])
        .arg(lesson(name).get_program())
        .args(["--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    run(&mut command, "")
}

/// What a lesson tells after these commands, in namespaces of the test's own. `None` where these
/// cannot be had.
fn told_after(commands: &str, name: &str) -> Option<String> {
    if !installed("unshare") {
        return None;
    }
    let output = run_in(&["--user", "--map-root-user", "--mount"], commands, name);
    let said = String::from_utf8_lossy(&output.stderr);
    if ["unshare: ", "sh: ", "mount: "]
        .iter()
        .any(|program| said.starts_with(program))
    {
        eprintln!("skipped: {said}");
        return None;
    }
    assert!(output.status.success(), "{said}");
    Some(story(name, &output))
}

#[test]
fn lessons_without_a_network_of_their_own_say_what_they_cannot_show() {
    let forbid = "for kind in user net; do echo 0 > /proc/sys/user/max_${kind}_namespaces; done";
    let told = |name: &str| told_after(forbid, name);
    let (Some(handshake), Some(loss)) = (told("handshake"), told("loss")) else {
        return;
    };
    for told in [&handshake, &loss] {
        assert!(told.contains("cannot show its segments here"), "{told}");
    }
    all_are_confirmed("handshake", &handshake, 5);
    assert!(loss.contains("confirmed 1 of 6 stages; 5 were left out: "));
    all_are_confirmed("loss", &loss, 6);
    let reuseport = told("reuseport").expect("as before");
    let flat = reuseport.replace('\n', " ");
    assert!(
        flat.contains("cannot show that here: it cannot have a network of its own"),
        "{flat}"
    );
    all_are_confirmed("reuseport", &reuseport, 7);
}

/// As in most containers.
#[test]
fn where_no_setting_can_be_changed_reuseport_says_what_it_cannot_show() {
    let forbid = "mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys";
    let Some(told) = told_after(forbid, "reuseport") else {
        return;
    };
    let flat = told.replace('\n', " ");
    assert!(
        flat.contains(
            "cannot show that here: it cannot change `/proc/sys/net/ipv4/tcp_timestamps`"
        ),
        "{flat}"
    );
    all_are_confirmed("reuseport", &told, 7);
}

#[test]
fn every_lesson_can_listen_on_all_addresses() {
    for all in ["0.0.0.0:0", "[::]:0"] {
        if let Err(error) = TcpListener::bind(all) {
            eprintln!("skipped: no address like {all} here: {error}");
            continue;
        }
        for_each_lesson(|name, stages| {
            let output = run(lesson(name).args(["--listen", all]), "");
            let told = story(name, &output);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{name}, {all}: {said}");
            all_are_confirmed(name, &told, stages);
        });
    }
}

/// In a network of its own: a send buffer that does not grow, and a RST where the accept queue has
/// no room for the end of a handshake. What these lessons say of buffers and of silence must hold
/// there too.
#[test]
fn lessons_do_not_depend_on_the_size_of_the_send_buffer() {
    if !installed("unshare") || !installed("ip") {
        return;
    }
    let set_up = "ip link set lo up || exit 77
        echo 4096 4096 4096 > /proc/sys/net/ipv4/tcp_wmem || exit 77
        echo 1 > /proc/sys/net/ipv4/tcp_abort_on_overflow || exit 77";
    let names = [
        "dialer",
        "echo",
        "deadlines",
        "heartbeat",
        "close",
        "nonblocking",
    ];
    for_each_lesson(|name, stages| {
        if !names.contains(&name) {
            return;
        }
        let namespaces = ["--user", "--map-root-user", "--net"];
        all_are_confirmed_in(&namespaces, set_up, name, stages);
    });
}

/// In a network of its own, with the lesson on one CPU and the arrival of its segments on another
/// (Receive Packet Steering). So a call that sends one returns before it has arrived, as it may on a
/// busy machine.
#[test]
fn lessons_do_not_depend_on_how_soon_a_segment_arrives() {
    if !installed("unshare") || !installed("ip") {
        return;
    }
    let set_up = "ip link set lo up || exit 77
        mount -t sysfs sysfs /sys || exit 77
        echo 2 > /sys/class/net/lo/queues/rx-0/rps_cpus || exit 77 # a mask: CPU 1
        taskset -cp 0 $$ > /dev/null || exit 77";
    for_each_lesson(|name, stages| {
        // In a user namespace the kernel does not allow it, so this takes root.
        all_are_confirmed_in(&["--net", "--mount"], set_up, name, stages);
    });
}

/// Demands that the kernel confirms all stages of a lesson in namespaces of the test's own, if these
/// can be had, after these commands.
fn all_are_confirmed_in(namespaces: &[&str], commands: &str, name: &str, stages: usize) {
    let output = run_in(namespaces, commands, name);
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(77) || said.starts_with("unshare: ") {
        return eprintln!("skipped: {said}");
    }
    assert!(output.status.success(), "{name}: {said}");
    all_are_confirmed(name, &story(name, &output), stages);
}

#[test]
fn step_waits_for_enter_and_goes_on_at_the_end_of_stdin() {
    for_each_lesson(|name, stages| {
        let output = run(on_any_port(name).arg("--step"), "\n\n");
        let told = story(name, &output);
        assert!(
            output.status.success(),
            "{name}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(
            told.matches("[Enter] ").count(),
            3,
            "{name}: two Enters, then the end of stdin"
        );
        all_are_confirmed(name, &told, stages);
    });
}

#[test]
fn a_step_is_not_taken_before_enter() {
    let mut program = Program::start(on_any_port("echo").arg("--step").stdin(Stdio::piped()));
    let mut told = program.child.stdout.take().unwrap();
    let mut text = String::new();
    // The prompt ends no line.
    assert!(read_until(&mut told, &mut text, "[Enter] "), "{text}");
    assert!(text.contains("\n1. ") && !text.contains("\n2. "), "{text}");
    drop(program.stdin.take());
    told.read_to_string(&mut text).unwrap();
    assert!(program.wait().success());
    assert!(text.contains("\n5. "));
}

#[test]
fn the_first_of_two_clients_is_called_the_earlier() {
    let told = story("dialer", &run(&mut on_any_port("dialer"), ""));
    let role = |role: &str| told.find(&format!(" {role}\n"));
    assert!(role("client") < role("earlier client"), "{told}");
}

#[test]
fn predictions_are_graded_and_counted() {
    let right = "estab\nestablished\nfin-wait-2\nCLOSE_WAIT\nFIN_WAIT2\nclose wait\nTIME_WAIT\n";
    let output = run(
        on_any_port("echo").arg("--predict"),
        &format!("{right}listen\n"),
    );
    let told = story("echo", &output);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("client: FIN_WAIT2 (right)"), "{told}");
    assert!(
        told.contains("client: CLOSE_WAIT (you said listen)"),
        "{told}"
    );
    assert!(told.contains("Predicted: 7 of 8."), "{told}");
    for_each_lesson(|name, _| {
        let output = run(on_any_port(name).arg("--predict"), "");
        let told = story(name, &output);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && told.contains("Predicted: 0 of 0."),
            "{name}: {told}{said}"
        );
    });
}

#[test]
fn pause_is_a_duration_as_humantime_writes_it() {
    let output = run(on_any_port("echo").args(["--pause", "20ms"]), "");
    assert!(output.status.success());
    let output = run(on_any_port("echo").args(["--pause", "soon"]), "");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn an_address_in_use_is_one_line_that_names_it() {
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = busy.local_addr().unwrap().to_string();
    // Another table: it is no conflict with the first.
    let _busy_too = UdpSocket::bind(&addr).unwrap();
    for_each_lesson(|name, _| {
        if ["handshake", "loss"].contains(&name) {
            return; // in a network of its own no port is in use
        }
        one_line(
            run(lesson(name).args(["--listen", &addr]), ""),
            1,
            &[name, &addr, "in use"],
        )
    });
    for server in ["listener", "echo", "kv"] {
        let output = run(lesson(server).args(["serve", "--listen", &addr]), "");
        one_line(output, 1, &[server, &addr, "in use"]);
    }
}

#[test]
fn wrong_arguments_are_one_line_and_status_2() {
    for_each_lesson(|name, _| {
        for wrong in [
            &["--listen", "8330"][..],
            &["--listen"],
            &["--no-such-flag"],
            &["--pause", "soon"],
        ] {
            one_line(run(lesson(name).args(wrong), ""), 2, &[name, wrong[0]]);
        }
        let help = run(lesson(name).arg("--help"), "");
        assert!(
            help.status.success() && String::from_utf8_lossy(&help.stdout).contains("--predict")
        );
    });
}

#[test]
fn wrong_arguments_are_named_with_what_to_do() {
    for (arguments, words) in [
        ("kv put key", &["`VALUE`", "--help"][..]),
        ("kv put key value --to", &["`--to`", "`ADDR`"]),
        ("kv --stpe", &["`--stpe`", "did you mean `--step`?"]),
        ("kv sevre", &["`sevre`", "did you mean `serve`?"]),
        (
            "kv --listen 127.0.0.1:0 serve",
            &["the command comes first: kv serve --listen 127.0.0.1:0"],
        ),
        ("kv --step serve", &["`serve`", "--help"]),
        ("kv --step --step", &["`--step`", "multiple times"]),
        ("kv serve --idle 0s", &["--idle", "longer than zero"]),
        (
            "kv serve --max-connections 0",
            &["--max-connections", "`0`", "1 or more"],
        ),
        (
            "kv serve --max-memory 1kg",
            &["--max-memory", "`1kg`", "64MiB"],
        ),
        ("servers serve", &["DESIGN"]),
        ("servers serve fork", &["`fork`", "threads-stay"]),
        (
            "kv --listen 8330",
            &["`8330`", "--listen", "127.0.0.1:8330"],
        ),
        ("dialer --send hello", &["--send", "ADDR"]),
        ("heartbeat --misses 1", &["--misses", "2 or more"]),
        ("proxy serve", &["`--to=ADDR`"]),
        ("tftp get", &["`NAME`"]),
        ("transfer send", &["`FILE`"]),
    ] {
        let (name, arguments) = arguments.split_once(' ').unwrap();
        let output = run(lesson(name).args(arguments.split(' ')), "");
        one_line(output, 2, words);
    }
}

#[test]
fn help_names_each_command_and_option_and_its_default() {
    for (arguments, words) in [
        (
            "kv --help",
            &["serve ", "put ", "get ", "--step", "127.0.0.1:1234"][..],
        ),
        (
            "kv serve --help",
            &["--idle=DURATION", "[default: 5m]", "[default: 10000]"],
        ),
        (
            "kv put --help",
            &["KEY VALUE", "[--to=ADDR]", "[default: 127.0.0.1:1234]"],
        ),
        (
            "datagrams --help",
            &["--loss=SHARE", "[default: 0.3]", "--listen=ADDR"],
        ),
    ] {
        let (name, arguments) = arguments.split_once(' ').unwrap();
        let output = run(lesson(name).args(arguments.split(' ')), "");
        let help = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{help}"
        );
        for word in words {
            assert!(help.contains(word), "no `{word}` in: {help}");
        }
    }
}

#[track_caller]
fn one_line(output: Output, status: i32, words: &[&str]) {
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(status), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert_eq!(output.stdout, b"", "{said}");
    words
        .iter()
        .for_each(|word| assert!(said.contains(word), "no `{word}` in: {said}"));
}

#[test]
fn a_reader_that_goes_away_ends_a_lesson_quietly() {
    for_each_lesson(|name, _| {
        let mut program = Program::start(&mut on_any_port(name));
        // The pipe's reading end is closed while the lesson has most of its story to tell.
        drop(program.child.stdout.take());
        let mut complaint = String::new();
        let stderr = program.child.stderr.take().unwrap();
        BufReader::new(stderr)
            .read_to_string(&mut complaint)
            .unwrap();
        assert!(program.wait().success(), "{name}: {complaint}");
        assert!(!complaint.contains("panicked"), "{name}: {complaint}");
        assert!(name == "kv" || complaint.is_empty(), "{name}: {complaint}");
    });
}

#[test]
fn kv_prints_the_two_lines_of_kv_go_and_nothing_else() {
    let output = run(&mut on_any_port("kv"), "");
    let lines = String::from_utf8(output.stdout).unwrap();
    assert_eq!(lines, "Put(subject, 6.824) done\nget(subject) -> 6.824\n");
}

#[test]
fn deadlines_prints_both_measurements() {
    let told = story("deadlines", &run(&mut on_any_port("deadlines"), ""));
    assert!(
        told.contains("a timeout of 100 ms for each read: the whole line, after "),
        "{told}"
    );
    assert!(
        told.contains("a deadline of 100 ms for the line: timed out, after "),
        "{told}"
    );
}

#[test]
fn datagrams_tells_what_its_link_has_done() {
    let told = |link: &[&str]| {
        let told = story("datagrams", &run(on_any_port("datagrams").args(link), ""));
        told.replace('\n', " ") // a sentence may take two lines
    };
    let good = told(&["--loss", "0", "--repeat", "0", "--reorder", "0"]);
    let all = "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]";
    assert!(good.contains(&format!("sent, {all} arrived")), "{good}");
    let all_twice = told(&["--loss", "0", "--repeat", "1"]);
    assert!(all_twice.contains("[1, 1, 2, 2, 3, 3"), "{all_twice}");
    let none = run(on_any_port("datagrams").args(["--loss", "1.5"]), "");
    one_line(none, 2, &["--loss", "0 to 1"]);
}

#[test]
fn dialer_talks_to_echo_and_tells_refused_from_silent() {
    let (_server, addr, _) =
        Program::serve(lesson("echo").args(["serve", "--listen", "127.0.0.1:0"]));
    let output = run(
        lesson("dialer").args([&addr.to_string(), "--send", "hello"]),
        "",
    );
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("connected from 127.0.0.1:") && said.contains("\nhello\nend of file"),
        "{said}"
    );

    let bound = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    bound
        .bind(
            &"127.0.0.1:0"
                .parse::<std::net::SocketAddr>()
                .unwrap()
                .into(),
        )
        .unwrap();
    let nobody = End::of(&bound).unwrap().local.to_string();
    let output = run(lesson("dialer").arg(&nobody), "");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains(&format!("cannot dial `{nobody}`: Connection refused")),
        "{said}"
    );

    let (full, _queued) = socket_workshop::peer::silent().unwrap();
    let silent = full.local_addr().unwrap();
    let output = run(
        lesson("dialer").args([&silent.to_string(), "--timeout", "200ms"]),
        "",
    );
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("timed out"), "{said}");
}

/// `nc -N` closes its sending half at the end of its stdin (OpenBSD's nc).
fn nc(addr: std::net::SocketAddr, input: &str) -> String {
    let mut command = Command::new("nc");
    command.args(["-N", &addr.ip().to_string(), &addr.port().to_string()]);
    let output = run(command.stdout(Stdio::piped()).stderr(Stdio::piped()), input);
    assert!(
        output.status.success(),
        "nc: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn nc_is_greeted_by_listener_serve_and_echoed_by_echo_serve() {
    if !installed("nc") {
        return;
    }
    let (_listener, addr, _) =
        Program::serve(lesson("listener").args(["serve", "--listen", "127.0.0.1:0"]));
    assert!(nc(addr, "").starts_with("hello, 127.0.0.1:"));
    let (_echo, addr, _) =
        Program::serve(lesson("echo").args(["serve", "--listen", "127.0.0.1:0"]));
    let text = "one\ntwo\n".repeat(10_000);
    assert_eq!(nc(addr, &text), text);
}

#[test]
fn listener_serve_greets_at_once_whatever_the_others_do() {
    let (_server, addr, _) =
        Program::serve(lesson("listener").args(["serve", "--listen", "127.0.0.1:0"]));
    let silent = TcpStream::connect(addr).unwrap();
    for _ in 0..3 {
        let client = TcpStream::connect(addr).unwrap();
        let mut line = String::new();
        BufReader::new(Deadline::after(PATIENCE).on(&client))
            .read_line(&mut line)
            .unwrap();
        assert_eq!(line, format!("hello, {}\n", client.local_addr().unwrap()));
    }
    drop(silent);
}

#[test]
fn echo_serve_echoes_until_the_clients_fin_and_closes() {
    let (_server, addr, _) =
        Program::serve(lesson("echo").args(["serve", "--listen", "127.0.0.1:0"]));
    let mut client = TcpStream::connect(addr).unwrap();
    let end = End::of(&client).unwrap();
    client.write_all(b"before the FIN").unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    Deadline::after(PATIENCE)
        .on(&client)
        .read_to_string(&mut answer)
        .unwrap();
    assert_eq!(answer, "before the FIN");
    let mut kernel = Kernel::open().unwrap();
    let time_wait = || {
        Ok(kernel
            .table()?
            .find(end)
            .filter(|row| row.state == State::TimeWait)
            .map(drop))
    };
    assert!(
        Deadline::after(PATIENCE)
            .wait_for(time_wait)
            .unwrap()
            .is_some()
    );
}

#[test]
fn proxy_serve_passes_on_bytes_half_closes_and_a_refusal() {
    let proxy = |to: &str| {
        let mut command = lesson("proxy");
        Program::serve(command.args(["serve", "--to", to, "--listen", "127.0.0.1:0"]))
    };
    let (_echo, echo, _) =
        Program::serve(lesson("echo").args(["serve", "--listen", "127.0.0.1:0"]));
    let (_first, first, _) = proxy(&echo.to_string());
    let (_second, second, _) = proxy(&first.to_string());
    let mut client = TcpStream::connect(second).unwrap();
    let text = "through two proxies\n".repeat(1000);
    client.write_all(text.as_bytes()).unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap(); // without it echo would go on waiting
    let mut answer = String::new();
    Deadline::after(PATIENCE)
        .on(&client)
        .read_to_string(&mut answer)
        .unwrap();
    assert_eq!(answer, text);
    if installed("nc") {
        assert_eq!(nc(second, "one\ntwo\n"), "one\ntwo\n");
    }

    let bound = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let loopback = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    bound.bind(&loopback.into()).unwrap();
    let nobody = End::of(&bound).unwrap().local.to_string();
    let (_third, third, _) = proxy(&nobody);
    let client = TcpStream::connect(third).unwrap();
    let read = Deadline::after(PATIENCE).on(&client).read(&mut [0]);
    assert_eq!(
        read.unwrap_err().kind(),
        std::io::ErrorKind::ConnectionReset
    );

    let busy = second.to_string();
    let output = run(
        lesson("proxy").args(["serve", "--to", &nobody, "--listen", &busy]),
        "",
    );
    one_line(output, 1, &["proxy", &busy, "in use"]);
}
