//! What happens in a story, in the order in which it happens. A story hands each event to its
//! consumers: the printer, the quiz, the recorder. None of them changes what the lesson does.

use std::{collections::BTreeMap, io, net::SocketAddr, panic::Location};

use super::Must;
use crate::table::{End, Protocol, Row, State, Table};

/// Something that is told of each event.
pub(super) trait Consumer {
    /// Does with an event what this consumer is for.
    ///
    /// # Errors
    /// The story ends: the output is closed, or the consumer's file cannot be written.
    fn take(&mut self, event: &Event<'_>) -> io::Result<()>;
}

/// Something that happens in a story.
pub(super) enum Event<'a> {
    /// The story begins. Its first listener has this address.
    Begins {
        protocol: Protocol,
        about: SocketAddr,
    },
    /// A paragraph outside of a stage.
    Told(&'a str),
    /// Something has been done, and the kernel is going to be asked.
    Stage(&'a Heading<'a>),
    /// A TCP segment that the lesson itself has captured, before the next event.
    Segment(&'a PassedSegment),
    /// Lines that a stage shows besides the table.
    Passed(&'a str),
    /// The table shows what the stage demands: these ends, by their roles. It is shown next.
    Confirmed(&'a [(&'a str, End, Must)]),
    /// The table.
    Shown(&'a Shown<'a>),
    /// What is to be understood from it.
    Explained(&'a str),
    /// A claim that holds, about something other than the table.
    Claimed(&'a str),
    /// A stage has said everything.
    StageEnds,
    /// Now is the time to wait for the reader.
    Pause,
    /// Stages that cannot be played on this machine, and why.
    LeftOut { stages: usize, why: &'a str },
    /// No other stage comes.
    LastStageOver,
    /// The story ends.
    Ends(&'a Ending),
}

/// A TCP segment that has passed, as the page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedSegment {
    /// Who sent it.
    pub from: SocketAddr,
    /// For whom it is.
    pub to: SocketAddr,
    /// Its control bits, such as `SYN, ACK`.
    pub flags: String,
    /// How many bytes of data it carries.
    pub length: usize,
    /// What Wireshark would say of it in its column Info.
    pub info: String,
}

/// What begins a stage.
pub(super) struct Heading<'a> {
    /// Counted from 1.
    pub(super) number: usize,
    /// What has been done.
    pub(super) title: &'a str,
    /// The line of the lesson that shows the stage.
    pub(super) source: &'static Location<'static>,
    /// The question that the stage answers, or nothing.
    pub(super) question: &'a str,
}

impl Heading<'_> {
    /// `1. The client connects`
    pub(super) fn numbered(&self) -> String {
        format!("{}. {}", self.number, self.title)
    }

    /// The file of the line of source code, from the folder of the course: `examples/echo.rs`.
    pub(super) fn file(&self) -> &'static str {
        let file = self.source.file();
        // Of a lesson in the package `wire` the compiler says `wire/../examples/loss.rs`.
        file.rsplit_once("../").map_or(file, |(_, file)| file)
    }
}

/// The table as a stage shows it.
pub(super) struct Shown<'a> {
    /// All of it: the rows of the story's ports.
    pub(super) table: &'a Table,
    /// Of many ends with one role, one row.
    pub(super) rows: Vec<ShownRow<'a>>,
    /// How many rows of the table are not among them.
    pub(super) others: usize,
    /// Rows of those ports that an earlier run has left, if they have not been counted before.
    pub(super) left_earlier: Option<usize>,
    /// Ends that the stage names and that have no row.
    pub(super) without_row: Vec<(&'a str, WithoutRow)>,
    /// In which state the kernel has each end that the stage names; without a row, CLOSED.
    pub(super) ends: Vec<(&'a str, End, State)>,
}

/// A row, and what there is to say of it.
pub(super) struct ShownRow<'a> {
    pub(super) row: &'a Row,
    /// The part that this end plays, if it plays one.
    pub(super) role: Option<String>,
    /// Figures that netstat does not print, and the timer where the stage is about timers.
    pub(super) figures: Vec<String>,
}

impl ShownRow<'_> {
    /// `client, timer on (0.20/0/0)`
    pub(super) fn note(&self) -> Option<String> {
        let words: Vec<&str> = self
            .role
            .iter()
            .chain(&self.figures)
            .map(|s| &**s)
            .collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

/// Why an end has no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WithoutRow {
    /// It is CLOSED.
    Closed,
    /// No UDP socket has its address.
    NoSocket,
    /// Only a timer kept it, in TIME_WAIT or FIN_WAIT2, and its minute is over.
    MinuteOver,
}

/// What the kernel has confirmed of a story, and what it could not.
pub(super) struct Ending {
    /// Stages that were played.
    pub(super) stages: usize,
    /// Whether the socket table could be read.
    pub(super) checked: bool,
    /// Stages that could not be played here, and why.
    pub(super) left_out: Vec<(usize, String)>,
    /// Figures that stages demand and the kernel does not report, and in how many stages.
    pub(super) unchecked: BTreeMap<&'static str, usize>,
}
