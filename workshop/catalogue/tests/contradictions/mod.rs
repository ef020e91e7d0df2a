//! What a failure may never say together: a cause that its own evidence excludes. Every failure of
//! every wrong answer is held against this list, and the list against failures made up for it.

use workshop::exam::Failure;

/// One contradiction: its name, and whether a failure has it.
type Contradiction = (&'static str, fn(&Facts) -> bool);

const CONTRADICTIONS: &[Contradiction] = &[
    (
        "end of file as cause, with bytes unread before it",
        |facts| {
            facts.cause_says(&["Ok(0)", "the end of file was taken", "read the end of file"])
                && facts.cause_says(&["again and again", "never looks"])
                && facts.your_recv_q().is_some_and(|recv_q| recv_q > 1)
        },
    ),
    (
        "Recv-Q is 0, says the cause, and a row of yours shows bytes",
        |facts| facts.cause_says(&["Recv-Q is 0"]) && facts.all_of_yours_have_bytes(),
    ),
    (
        "a cause that needs a thread that runs, and none does",
        |facts| {
            facts.cause_says(&[
                "Your thread is running",
                "Your thread runs",
                "your thread runs",
            ]) && !facts.kernel_says(&["running", "CPU time"])
        },
    ),
    (
        "a cause that needs a thread that waits, and none is left",
        |facts| {
            facts.cause_says(&[
                "Your thread waits",
                "your thread waits",
                "Your thread is blocked",
            ]) && !facts.kernel_says(&["blocked in", "waits in", "are waiting", "is waiting"])
        },
    ),
    ("will never be sent, with bytes to be read", |facts| {
        facts.cause_says(&["will never be sent"]) && facts.your_recv_q().is_some_and(|n| n > 0)
    }),
    ("has not returned, and has returned", |facts| {
        facts.seen.contains("it has not returned") && facts.seen.contains("` has returned")
    }),
    ("a panic as cause, and nothing has panicked", |facts| {
        facts.cause_says(&["It panicked", "has panicked", "makes a panic of it."])
            && !facts.seen.contains("panicked")
    }),
    ("no thread is left, and one is shown", |facts| {
        facts.kernel_says(&["no thread of yours is left"])
            && facts.kernel_says(&["blocked in", "running, not blocked"])
    }),
    ("a state in the cause that no row is in", |facts| {
        STATES.iter().any(|state| {
            let named = facts.cause.contains(&format!("({state})"))
                || facts.cause.contains(&format!("Your end is {state}"))
                || facts.cause.contains(&format!("your end is {state}"));
            named && !facts.rows.is_empty() && !facts.rows.iter().any(|row| row.contains(state))
        })
    }),
    ("both ends are ESTABLISHED, and not two rows are", |facts| {
        let established = facts.rows.iter().filter(|row| row.contains("ESTABLISHED"));
        facts.cause_says(&["both ends are ESTABLISHED"]) && established.count() < 2
    }),
    (
        "a descriptor that is still open, and no row has it",
        |facts| {
            let number = facts.cause.split("descriptor ").nth(1);
            let number: String = number
                .into_iter()
                .flat_map(str::chars)
                .take_while(char::is_ascii_digit)
                .collect();
            let open = facts.cause.contains("is still open");
            open && !number.is_empty() && !facts.kernel_says(&[&format!("fd {number}")])
        },
    ),
    (
        "bytes are missing in the middle, and what came is the beginning",
        |facts| {
            facts.cause_says(&["missing in the middle"])
                && facts.seen.contains("nothing more comes")
                && facts.seen.starts_with(
                    facts
                        .expected
                        .trim_start_matches("to read ")
                        .get(..20)
                        .unwrap_or("?"),
                )
        },
    ),
    (
        "a byte that is not there as cause, and an overflow",
        |facts| {
            facts.cause_says(&["A byte was taken that is not there", "An index went beyond"])
                && facts.seen.contains("with overflow")
        },
    ),
    ("a number too large as cause, and an index", |facts| {
        facts.cause_says(&["has left its type", "A number left its type"])
            && facts.seen.contains("index out of bounds")
    }),
    (
        "something still moved, and the cause is certain of a hang",
        |facts| facts.kernel_says(&["something still moved"]) && facts.cause_says(&["will never"]),
    ),
];

const STATES: [&str; 10] = [
    "LISTEN",
    "SYN_SENT",
    "SYN_RECV",
    "ESTABLISHED",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "CLOSE_WAIT",
    "CLOSING",
    "LAST_ACK",
    "TIME_WAIT",
];

/// A failure, taken apart.
struct Facts {
    expected: String,
    seen: String,
    cause: String,
    kernel: Vec<String>,
    /// The lines of the kernel's part that are rows of the table.
    rows: Vec<String>,
}

impl Facts {
    fn of(failure: &Failure) -> Facts {
        let is_row = |line: &&String| line.split_whitespace().next().is_some_and(is_number);
        Facts {
            expected: failure.expected.clone(),
            seen: failure.seen.clone(),
            cause: failure.cause.clone().unwrap_or_default(),
            rows: failure.kernel.iter().filter(is_row).cloned().collect(),
            kernel: failure.kernel.clone(),
        }
    }

    fn cause_says(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.cause.contains(word))
    }

    fn kernel_says(&self, words: &[&str]) -> bool {
        let says = |word: &&str| self.kernel.iter().any(|line| line.contains(*word));
        words.iter().any(says)
    }

    /// The receive queues of the answer's connections.
    fn recv_queues(&self) -> Vec<u32> {
        let connections = self.rows.iter().filter(|row| {
            row.contains("yours, fd") && !row.contains("LISTEN") && !row.contains("UDP")
        });
        let recv_q = |row: &String| row.split_whitespace().next()?.parse().ok();
        connections.filter_map(recv_q).collect()
    }

    /// Of the first connection, which is the one that causes speak of.
    fn your_recv_q(&self) -> Option<u32> {
        self.recv_queues().first().copied()
    }

    fn all_of_yours_have_bytes(&self) -> bool {
        let queues = self.recv_queues();
        !queues.is_empty() && queues.iter().all(|recv_q| *recv_q > 0)
    }
}

fn is_number(word: &str) -> bool {
    word.parse::<u32>().is_ok()
}

/// The names of the contradictions in a failure.
pub fn contradictions(failure: &Failure) -> Vec<&'static str> {
    let facts = Facts::of(failure);
    let has = |(_, has): &&Contradiction| has(&facts);
    CONTRADICTIONS
        .iter()
        .filter(has)
        .map(|(name, _)| *name)
        .collect()
}

/// The list finds what it is about: failures that were really printed once, or could have been.
pub fn contradictions_are_found() {
    let failure = |seen: &str, kernel: &[&str], cause: &str| Failure {
        places: Vec::new(),
        steps: Vec::new(),
        expected: "to read \"0048000 0048008 0048016\" (8000 bytes)".to_owned(),
        seen: seen.to_owned(),
        bytes: None,
        kernel: kernel.iter().map(|line| (*line).to_owned()).collect(),
        cause: Some(cause.to_owned()),
        look: None,
        trace: None,
    };
    let row = "40782       0  127.0.0.1:1  :2  CLOSE_WAIT  yours, fd 7";
    let cases = [
        (
            "",
            row,
            "`read` returned Ok(0): end of file. It reads again and again.",
        ),
        ("", row, "It has read what was sent (Recv-Q is 0)."),
        ("", row, "Your thread is running and waits for nothing."),
        ("", row, "Your thread waits in a read."),
        ("", row, "It waits for bytes that will never be sent."),
        ("it has not returned\n`echo` has returned Ok(5)", row, ""),
        (
            "",
            row,
            "It panicked: an `unwrap` makes a panic of an error.",
        ),
        (
            "",
            "proven: no thread of yours is left; your thread is blocked in a read",
            "",
        ),
        ("", row, "The peer has closed (FIN_WAIT2)."),
        (
            "",
            row,
            "There is no end of file: both ends are ESTABLISHED.",
        ),
        ("", row, "descriptor 9 is still open"),
        (
            "\"0048000 0048008 0048016\" (5248 bytes), and nothing more comes",
            row,
            "Bytes are missing in the middle",
        ),
        (
            "it has panicked: attempt to subtract with overflow",
            row,
            "A byte was taken that is not there.",
        ),
        (
            "it has panicked: index out of bounds: the len is 1",
            row,
            "Here the sum has left its type.",
        ),
        (
            "",
            "not proven: something still moved",
            "It will never end.",
        ),
    ];
    assert_eq!(cases.len(), CONTRADICTIONS.len());
    for ((seen, kernel, cause), (name, _)) in cases.iter().zip(CONTRADICTIONS) {
        let found = contradictions(&failure(seen, &[kernel], cause));
        assert!(found.contains(name), "`{name}` is not found: {found:?}");
    }
    let right = failure(
        "it has not returned",
        &[row, "your thread is running"],
        "It spins.",
    );
    assert_eq!(contradictions(&right), <[&str; 0]>::default());
}
