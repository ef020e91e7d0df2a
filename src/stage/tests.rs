//! The story is told into a buffer here; lessons as a whole run in `tests/programs/lessons.rs`.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream, UdpSocket},
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{
    Flags, Story, gone, must, printer::Printer, refusal::Refusals, text::wrapped, unconnected,
};
use crate::{
    deadline::Deadline,
    folder::Temporary,
    peer::connected,
    table::{End, Kernel, Protocol, State::*, TimerKind},
};
use serde_json::Value;
use socket2::SockRef;

/// For claims that are to be refuted.
const SHORT: Duration = Duration::from_millis(50);

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(buf)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Page {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn flags() -> Flags {
    Flags {
        listen: "127.0.0.1:0".parse().unwrap(),
        step: false,
        pause: None,
        predict: false,
        record: None,
    }
}

fn story(about: &TcpListener) -> (Story, Page) {
    let page = Page::default();
    let story = told_on(&page, &flags(), about);
    (story.unwrap(), page)
}

fn told_on(page: &Page, flags: &Flags, about: &TcpListener) -> io::Result<Story> {
    let printer = Printer::on(Box::new(page.clone()), false, flags.pace());
    Story::told_by(printer, flags, about.local_addr()?, Protocol::Tcp)
}

#[test]
fn the_kernel_confirms_a_connection_and_its_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mut story, page) = story(&listener);
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    let end = End::of(&client).unwrap();
    story
        .stage("Open")
        .expect(
            "listener",
            End::of(&listener).unwrap(),
            must(Listen).backlog(128).recv_q(0),
        )
        .expect("client", end, Established)
        .expect("server", end.other(), Established)
        .nothing_else()
        .show()
        .unwrap();
    drop(client);
    story
        .stage("Half")
        .expect("server", end.other(), must(CloseWait).recv_q(1))
        .show()
        .unwrap();
    drop(server);
    story
        .stage("Closed")
        .expect("client", end, must(TimeWait).timer(TimerKind::TimeWait))
        .expect("server", end.other(), gone())
        .timers()
        .show()
        .unwrap();
    story.end().unwrap();
    let text = page.text();
    assert!(
        text.contains("LISTEN\n                    ^ listener, backlog 128\n"),
        "{text}"
    );
    assert!(text.contains("timewait ("), "{text}");
    assert!(text.contains("ESTABLISHED <- client\n"), "{text}");
    assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    assert!(text.contains("(no row for the server: CLOSED)"), "{text}");
    assert!(
        text.ends_with("The kernel has confirmed all 3 stages.\n"),
        "{text}"
    );
}

#[test]
fn figures_that_the_kernel_does_not_report_are_named_and_counted_at_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let end = End::of(&listener).unwrap();
    let (mut story, page) = story(&listener);
    story.kernel = Some(Kernel::proc().unwrap()); // it has no backlog and no drops
    let wrong = must(Listen).backlog(127).drops(7);
    let titles = ["One", "Two"];
    for (title, must) in titles.into_iter().zip([wrong, must(Listen).backlog(128)]) {
        story
            .stage(title)
            .expect("listener", end, must)
            .show()
            .unwrap();
    }
    story.end().unwrap();
    let text = page.text();
    let last = "The kernel has confirmed all 2 stages, except for some figures.\n\
                Not checked, because this kernel does not report it here: backlog (in 2 stages),\n\
                drops (in 1 stage).\n";
    assert!(text.ends_with(last), "{text}");
}

#[test]
fn a_story_without_a_table_says_at_its_end_that_nothing_was_checked() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let end = End::of(&listener).unwrap();
    let (mut story, page) = story(&listener);
    story.kernel = None;
    story
        .stage("One")
        .expect("listener", end, gone())
        .show()
        .unwrap();
    story.end().unwrap();
    let text = page.text();
    let last = "None of the 1 stages was checked: the socket table cannot be read here.\n";
    assert!(text.ends_with(last), "{text}");
}

#[test]
fn what_passed_stands_between_title_and_table_and_a_witness_gets_the_confirmed_table() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let end = End::of(&listener).unwrap();
    let (mut story, page) = story(&listener);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&seen);
    story.each_table(move |table| record.lock().unwrap().push(table.find(end).cloned()));
    let (stage, line) = (story.stage("Title").passed("a SYN\nan ACK\n"), line!());
    stage.expect("listener", end, Listen).show().unwrap();
    let text = page.text();
    let source = format!("src/stage/tests.rs:{line}");
    let begin = format!("\n1. Title{source:>72}\na SYN\nan ACK\n\nProto ");
    assert!(text.contains(&begin), "{text}");
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 1);
    assert!(seen[0].as_ref().is_some_and(|row| row.state == Listen));
}

#[test]
fn a_recording_has_each_event_of_the_story() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = Temporary::new().unwrap();
    let file = folder.path().join("story.json");
    let flags = Flags {
        record: Some(file.clone()),
        ..flags()
    };
    let mut story = told_on(&Page::default(), &flags, &listener).unwrap();
    let (client, _server, end) = connected(&listener).unwrap();
    let line = line!() + 2;
    story
        .stage("The client has connected")
        .expect("listener", End::of(&listener).unwrap(), Listen)
        .pair(end, Established, Established)
        .asks("How many rows?")
        .why("Two ends.")
        .claim("It is so.", true)
        .show()
        .unwrap();
    story.tell("Now it closes.").unwrap();
    drop(client);
    let nobody = End::of(&TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
    story
        .stage("Closed")
        .client(end, FinWait2)
        .expect("another", nobody, gone())
        .show()
        .unwrap();
    story.leave_out(1, "no reason").unwrap();
    story.end().unwrap();

    let text = std::fs::read_to_string(&file).unwrap();
    let events: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let names: Vec<&str> = events
        .iter()
        .map(|e| e["event"].as_str().unwrap())
        .collect();
    assert_eq!(
        names.join(" "),
        "begins stage confirmed shown explained claimed stage_ends told \
         stage confirmed shown stage_ends left_out ends"
    );
    let times: Vec<u64> = events.iter().map(|e| e["at"].as_u64().unwrap()).collect();
    assert!(times.is_sorted());
    assert_eq!(events[0]["version"], 1);
    let addr = listener.local_addr().unwrap().to_string();
    assert_eq!(events[0]["address"], addr);
    assert_eq!(events[1]["line"], line);
    assert_eq!(events[1]["file"], "src/stage/tests.rs");
    assert_eq!(events[1]["question"], "How many rows?");
    let rows = events[3]["rows"].as_array().unwrap();
    let is_client = |row: &&Value| row["role"] == "client";
    let row = rows.iter().find(is_client).unwrap();
    assert_eq!(row["state"], "ESTABLISHED");
    assert_eq!(row["peer"], addr);
    assert_eq!(events[3]["ends"][0]["state"], "LISTEN");
    assert_eq!(events[10]["ends"][0]["state"], "FIN_WAIT2");
    assert_eq!(events[10]["without_row"][0]["why"], "closed");
    assert_eq!(events[13]["stages"], 2);
    assert_eq!(events[13]["left_out"][0]["stages"], 1);
}

#[test]
fn a_recording_that_cannot_be_written_is_an_error_with_its_name() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let flags = Flags {
        record: Some("/no/such/folder/story.json".into()),
        ..flags()
    };
    let error = told_on(&Page::default(), &flags, &listener).err().unwrap();
    let error = error.to_string();
    assert!(
        error.contains("cannot write /no/such/folder/story.json"),
        "{error}"
    );
}

#[test]
fn a_claim_that_the_kernel_refutes_ends_the_story_and_shows_both() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mut story, _) = story(&listener);
    story.patience = SHORT;
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let end = End::of(&client).unwrap();
    let error = story
        .stage("Wrong")
        .expect("client", end, must(TimeWait))
        .show()
        .unwrap_err()
        .to_string();
    assert!(error.contains("`1. Wrong` claims"), "{error}");
    assert!(error.contains(&format!(
        "expected  client: {} -> {} TIME_WAIT",
        end.local,
        end.peer.unwrap()
    )));
    assert!(error.contains("ESTABLISHED"), "{error}");
}

#[test]
fn an_orphan_is_an_end_that_no_program_owns() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mut story, _) = story(&listener);
    let (client, _server, end) = connected(&listener).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    story.patience = SHORT;
    let orphan = must(FinWait2).orphan();
    let error = story.stage("Half-closed").expect("client", end, orphan);
    let error = error.show().unwrap_err().to_string();
    assert!(error.contains("FIN_WAIT2, owned by no program"), "{error}");
    drop(client);
    story.patience = Duration::MAX;
    let closed = story.stage("Closed").expect("client", end, orphan);
    closed.show().unwrap();
}

#[test]
fn the_stage_or_claim_that_is_to_be_refused_is_refused_without_a_wait() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mut story, page) = story(&listener);
    story.refusals = Refusals::of(Some(2));
    story.patience = Duration::MAX;
    let end = End::of(&listener).unwrap();
    story.claim("One is one.", true).unwrap();
    let shown = story.stage("Listening").expect("listener", end, Listen);
    let error = shown.show().unwrap_err();
    let asked = "refused, as REFUSE=2 asks";
    assert_eq!(error.to_string(), format!("{asked}: stage `1. Listening`"));
    let text = page.text();
    assert!(text.contains("\nOne is one.\n\n1. Listening "), "{text}");
    assert!(text.ends_with(&format!("\n({asked})\n")), "{text}");

    story.refusals = Refusals::of(Some(1));
    let error = story.claim("\nTwo is two.", true).unwrap_err();
    let claim = "refused, as REFUSE=1 asks: the claim: Two is two.";
    assert_eq!(error.to_string(), claim);
}

#[test]
fn a_claim_of_a_stage_is_told_after_its_explanation_and_one_that_does_not_hold_ends_the_story() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mut story, page) = story(&listener);
    let end = End::of(&listener).unwrap();
    let stage = story.stage("Listening").expect("listener", end, Listen);
    let stage = stage.claim("One is one.", true).why("It listens.");
    stage.show().unwrap();
    assert!(page.text().ends_with("\n\nIt listens.\nOne is one.\n"));
    let stage = story.stage("Wrong").expect("listener", end, Listen);
    let error = stage.claim("One is two.", false).show().unwrap_err();
    assert_eq!(error.to_string(), "not so on this machine: One is two.");
}

#[test]
fn what_is_left_out_is_told_and_counted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mut story, page) = story(&listener);
    story.leave_out(1, "there is no IPv6").unwrap();
    let end = End::of(&listener).unwrap();
    let stage = story.stage("Listening").expect("listener", end, Listen);
    stage.show().unwrap();
    story.leave_out(2, "nothing can be lost").unwrap();
    story.end().unwrap();
    let text = page.text();
    assert!(text.contains("\n1 stage is left out: there is no IPv6.\n"));
    assert!(text.contains("\n2 stages are left out: nothing can be lost.\n"));
    let counted =
        "confirmed 1 of 4 stages; 3 were left out: there is no IPv6; nothing can be lost.";
    assert!(text.replace('\n', " ").contains(counted), "{text}");
}

#[test]
fn a_stage_of_udp_sockets_shows_these_and_what_they_dropped() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let (mut story, page) = story(&listener);
    let server = UdpSocket::bind(addr).unwrap(); // the same port: another table
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.connect(addr).unwrap();
    let (its, clients) = (End::of(&server).unwrap(), End::of(&client).unwrap());
    client.send(b"unread").unwrap();
    story
        .stage("Sent")
        .expect("server", its, unconnected().recv_q(6..).drops(0))
        .expect("client", clients, Established)
        .nothing_else()
        .show()
        .unwrap();
    drop(server);
    let no_row = story.stage("Closed").expect("server", its, gone());
    no_row.show().unwrap();
    let text = page.text();
    assert!(text.contains("^ server, drops 0\n"), "{text}");
    assert!(text.contains("(no row for the server)\n"), "{text}");
    assert!(!text.contains("LISTEN") && !text.contains("tcp"), "{text}");
    story.patience = SHORT;
    let wrong = story
        .stage("Wrong")
        .expect("client", clients, unconnected());
    let error = wrong.show().unwrap_err().to_string();
    assert!(error.contains(" not connected\n"), "{error}");
}

#[test]
fn a_window_that_is_demanded_is_told_beside_its_row() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mut story, page) = story(&listener);
    story.patience = SHORT;
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let end = End::of(&client).unwrap();
    let open = must(Established).window(1..);
    story.stage("Open").client(end, open).show().unwrap();
    let table = Kernel::open().unwrap().table_with_info().unwrap();
    if table.find(end).unwrap().window.is_some() {
        assert!(page.text().contains("^ client, window "));
        let closed = must(Established).window(0);
        let error = story.stage("Closed").client(end, closed).show();
        assert!(error.unwrap_err().to_string().contains(", window 0\n"));
    }
}

#[test]
fn figures_that_netstat_does_not_print_are_told_where_they_are_demanded() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mut story, page) = story(&listener);
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let end = End::of(&client).unwrap();
    let all_sent = must(Established).segments_in(0).unsent(0);
    let stage = story.stage("Told").client(end, all_sent);
    stage.server(end, Established).show().unwrap();
    let table = Kernel::open().unwrap().table_with_info().unwrap();
    if table.find(end).unwrap().unsent.is_some() {
        let text = page.text();
        assert!(
            text.contains("^ client, data segments 0, not sent 0\n"),
            "{text}"
        );
        assert!(text.contains("<- server's end\n"), "{text}");
    }
}

#[test]
fn a_row_too_many_is_refuted_too() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mut story, _) = story(&listener);
    story.patience = SHORT;
    let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let alone = story
        .stage("Alone")
        .expect("listener", End::of(&listener).unwrap(), Listen)
        .nothing_else();
    assert!(alone.show().is_err());
}

#[test]
fn a_client_stays_the_earlier_one_when_the_later_one_has_gone() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mut story, page) = story(&listener);
    let (_first, _server, first_end) = connected(&listener).unwrap();
    let (second, its_server, second_end) = connected(&listener).unwrap();
    story
        .stage("one")
        .client(first_end, Established)
        .show()
        .unwrap();
    story
        .stage("two")
        .client(second_end, Established)
        .show()
        .unwrap();
    SockRef::from(&second)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop((second, its_server)); // by a RST
    let told = page.text().len();
    story
        .stage("gone")
        .client(second_end, gone())
        .show()
        .unwrap();
    assert!(page.text()[told..].contains("earlier client"));
    let told = page.text().len();
    story
        .stage("again")
        .client(first_end, Established)
        .show()
        .unwrap();
    assert!(!page.text()[told..].contains("earlier client"));
}

#[test]
fn rows_of_an_earlier_run_are_no_part_of_the_story() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let end = End::of(&client).unwrap();
    let (server, _) = listener.accept().unwrap();
    drop(client);
    drop(server);
    let mut kernel = Kernel::open().unwrap();
    let time_wait = || {
        Ok(kernel
            .table()?
            .find(end)
            .filter(|row| row.state == TimeWait)
            .cloned())
    };
    assert!(
        Deadline::after(Duration::from_secs(5))
            .wait_for(time_wait)
            .unwrap()
            .is_some()
    );
    let (mut story, page) = story(&listener);
    let alone = story
        .stage("Alone")
        .expect("listener", End::of(&listener).unwrap(), Listen)
        .nothing_else();
    alone.show().unwrap();
    assert!(
        // Ours, and those of others that used this port number.
        page.text().contains(" left by an earlier run)"),
        "{}",
        page.text()
    );
}

#[test]
fn a_time_wait_that_has_run_out_while_somebody_talked_is_no_refutation() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mut story, page) = story(&listener);
    let end = End::between(
        "127.0.0.1:1".parse().unwrap(),
        listener.local_addr().unwrap(),
    );
    let shown_a_minute_ago = std::time::Instant::now() - Duration::from_secs(1);
    story.kept.push((end, shown_a_minute_ago));
    story.draw_diagrams();
    story
        .stage("Later")
        .expect("client", end, TimeWait)
        .show()
        .unwrap();
    assert!(
        page.text()
            .contains("no row for the client: its minute is over")
    );
    // The diagram has it where the kernel has it, and not where the stage expected it.
    assert!(page.text().contains("CLOSED [C]"), "{}", page.text());
}

#[test]
fn fin_wait2_runs_out_only_when_no_program_has_the_socket() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mut story, page) = story(&listener);
    let (closed, server, orphan) = connected(&listener).unwrap();
    let (kept, _server, held) = connected(&listener).unwrap();
    drop(closed);
    kept.shutdown(Shutdown::Write).unwrap();
    story
        .stage("Both have sent a FIN")
        .expect("closed", orphan, FinWait2)
        .expect("kept", held, FinWait2)
        .show()
        .unwrap();
    let [(end, until)] = &mut story.kept[..] else {
        panic!("{:?}", story.kept)
    };
    assert_eq!(*end, orphan);
    assert!(*until > std::time::Instant::now() + Duration::from_secs(30));

    // A reset removes both rows, as if the minute were over.
    SockRef::from(&server)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(server);
    story.patience = SHORT;
    let later = |story: &mut Story, state| {
        let stage = story.stage("Later").expect("closed", orphan, state);
        stage.show()
    };
    for state in [TimeWait, FinWait2] {
        assert!(later(&mut story, state).is_err(), "the minute is not over");
    }
    story.kept[0].1 = std::time::Instant::now();
    for state in [TimeWait, FinWait2] {
        later(&mut story, state).unwrap();
    }
    assert!(
        page.text()
            .contains("no row for the closed: its minute is over")
    );
}

#[test]
fn sets_text_to_the_width_and_keeps_line_breaks() {
    assert_eq!(
        wrapped("one two three\nfour", 7),
        ["one two", "three", "four"]
    );
    assert_eq!(wrapped("", 7), Vec::<String>::new());
}

#[test]
fn many_ends_are_counted_and_one_of_them_shown() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let (about, clients) = (TcpListener::bind("127.0.0.1:0").unwrap(), End::all_to(addr));
    let (mut story, page) = story(&about);
    // What is in TIME_WAIT before the story mentions the address is an earlier run's.
    let old = TcpStream::connect(addr).unwrap();
    let end = End::of(&old).unwrap();
    let (mut accepted, _) = listener.accept().unwrap();
    drop(old);
    assert_eq!(accepted.read(&mut [0]).unwrap(), 0); // its FIN first, so that one end has TIME_WAIT
    drop(accepted);
    let _clients: Vec<_> = (0..3).map(|_| TcpStream::connect(addr).unwrap()).collect();
    let mut kernel = Kernel::open().unwrap();
    let settled = || {
        let table = kernel.table()?;
        let waits = table.find(end).is_some_and(|row| row.state == TimeWait);
        let one = table.find(end.other()).is_none();
        Ok((waits && one).then_some(()))
    };
    let settled = Deadline::after(Duration::from_secs(5)).wait_for(settled);
    assert!(settled.unwrap().is_some());
    let three = must(Established).rows(3);
    story
        .stage("Three")
        .pair(clients, three, three)
        .show()
        .unwrap();
    let told = page.text();
    assert_eq!(told.matches("<- client").count(), 1, "{told}");
    assert!(
        told.contains("(not shown: 4 other rows of these ports)"),
        "{told}"
    );
    story.patience = SHORT;
    let refuted = story
        .stage("Gone")
        .client(clients, gone())
        .show()
        .unwrap_err();
    let refuted = refuted.to_string();
    assert!(refuted.contains("client: any -> 127.0.0.1:"), "{refuted}");
}
