//! The story as a text of 80 columns, at the reader's pace.

use std::{
    cell::RefCell,
    io::{self, IsTerminal, Write},
    net::SocketAddr,
    rc::Rc,
};

use super::{
    diagram::diagram,
    event::{Consumer, Ending, Event, Heading, Shown, WithoutRow},
    pace::Pace,
    text::{WIDTH, titled, wrapped},
};
use crate::{
    command::output_error,
    table::{Protocol, Row, narrow},
};

/// Where a story is written to, by all that write.
#[derive(Clone)]
pub(super) struct Output(Rc<RefCell<Box<dyn Write>>>);

impl Output {
    pub(super) fn on(out: Box<dyn Write>) -> Output {
        Output(Rc::new(RefCell::new(out)))
    }

    pub(super) fn line(&mut self, line: &str) -> io::Result<()> {
        writeln!(self, "{line}")
            .and_then(|()| self.flush())
            .map_err(output_error)
    }

    /// A text, in lines of at most 80 characters.
    pub(super) fn tell(&mut self, text: &str) -> io::Result<()> {
        wrapped(text, WIDTH)
            .iter()
            .try_for_each(|line| self.line(line))
    }
}

impl Write for Output {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.borrow_mut().flush()
    }
}

/// Prints what happens, and waits between stages as the reader has asked.
pub(super) struct Printer {
    pub(super) out: Output,
    /// Whether the output is a terminal.
    pub(super) bold: bool,
    pub(super) pace: Pace,
    /// Whether the reader is to be told of `--step`.
    pub(super) hints_at_steps: bool,
    /// Whether the state diagram is drawn below each table.
    pub(super) draws_diagrams: bool,
    /// Whether an empty line comes before the next text of this stage.
    pub(super) gap: bool,
}

impl Printer {
    /// Writes here. `bold`: it is a terminal.
    pub(super) fn on(out: Box<dyn Write>, bold: bool, pace: Pace) -> Printer {
        Printer {
            out: Output::on(out),
            bold,
            pace,
            hints_at_steps: false,
            draws_diagrams: false,
            gap: false,
        }
    }
}

impl Consumer for Printer {
    fn take(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Begins { protocol, about } => self.begin(*protocol, *about),
            Event::Told(text) => self.out.tell(text),
            Event::Stage(heading) => self.heading(heading),
            Event::Passed(lines) => lines.lines().try_for_each(|line| self.out.line(line)),
            Event::Segment(_) | Event::Confirmed(_) => Ok(()),
            Event::Shown(shown) => self.table(shown),
            Event::Explained(text) | Event::Claimed(text) => {
                if std::mem::take(&mut self.gap) {
                    self.out.line("")?;
                }
                self.out.tell(text)
            }
            Event::StageEnds => {
                self.gap = false;
                Ok(())
            }
            Event::Pause => self.pace.pause(&mut self.out),
            Event::LeftOut { stages, why } => {
                let plural = if *stages == 1 { " is" } else { "s are" };
                self.out.line("")?;
                self.out
                    .tell(&format!("{stages} stage{plural} left out: {why}."))
            }
            Event::LastStageOver => self.out.line(""),
            Event::Ends(ending) => self.end(ending),
        }
    }
}

impl Printer {
    /// The commands that show the same rows in another terminal.
    fn begin(&mut self, protocol: Protocol, about: SocketAddr) -> io::Result<()> {
        let (netstat, ss) = match protocol {
            Protocol::Tcp => ("netstat -nat", "ss -tan"),
            Protocol::Udp => ("netstat -nau", "ss -uan"),
        };
        let port = about.port();
        self.out.line(&format!(
            "In another terminal:  watch -n1 '{netstat} | grep {port}'"
        ))?;
        self.out
            .line(&format!("                 or:  {ss} | grep {port}"))?;
        match self.hints_at_steps {
            true => self
                .out
                .line("All stages in one go. To take one at a time, add `-- --step`."),
            false => Ok(()),
        }
    }

    /// The title of a stage, and behind it the line of source code that shows it. At a terminal,
    /// with `--step`, the question that the stage answers, too.
    fn heading(&mut self, heading: &Heading<'_>) -> io::Result<()> {
        self.gap = true;
        let source = format!("{}:{}", heading.file(), heading.source.line());
        let (bold, dim, plain) = match self.bold {
            true => ("\x1b[1m", "\x1b[2m", "\x1b[0m"),
            false => ("", "", ""),
        };
        let [title, source] = titled(&heading.numbered(), &source);
        self.out.line("")?;
        self.out
            .line(&format!("{bold}{title}{plain}{dim}{source}{plain}"))?;
        match io::stdin().is_terminal() && !heading.question.is_empty() {
            true => {
                self.out.tell(heading.question)?;
                self.pace.pause(&mut self.out)
            }
            false => Ok(()),
        }
    }

    /// In netstat's columns, each as narrow as it can be.
    fn table(&mut self, shown: &Shown<'_>) -> io::Result<()> {
        let rows: Vec<(&Row, Option<String>)> = shown
            .rows
            .iter()
            .map(|shown| (shown.row, shown.note()))
            .collect();
        let mut lines = narrow(&rows, WIDTH);
        if shown.others > 0 {
            let others = shown.others;
            lines.push(format!("(not shown: {others} other rows of these ports)"));
        }
        lines.extend(shown.without_row.iter().map(|(role, why)| match why {
            WithoutRow::NoSocket => format!("(no row for the {role})"),
            WithoutRow::Closed => format!("(no row for the {role}: CLOSED)"),
            WithoutRow::MinuteOver => format!("(no row for the {role}: its minute is over)"),
        }));
        if let Some(left) = shown.left_earlier {
            lines.push(format!("(not shown: {left} left by an earlier run)"));
        }
        if self.draws_diagrams {
            lines.extend(diagram(&shown.ends));
        }
        self.out.line("")?;
        lines.iter().try_for_each(|line| self.out.line(line))
    }

    fn end(&mut self, ending: &Ending) -> io::Result<()> {
        let stages = ending.stages;
        if !ending.checked {
            return self.out.tell(&format!(
                "None of the {stages} stages was checked: the socket table cannot be read here."
            ));
        }
        let left_out: usize = ending.left_out.iter().map(|(stages, _)| stages).sum();
        if left_out == 0 {
            let but = match ending.unchecked.is_empty() {
                true => ".",
                false => ", except for some figures.",
            };
            self.out.line(&format!(
                "The kernel has confirmed all {stages} stages{but}"
            ))?;
        } else {
            let why: Vec<&str> = ending.left_out.iter().map(|(_, why)| &**why).collect();
            let were = if left_out == 1 { "was" } else { "were" };
            self.out.tell(&format!(
                "The kernel has confirmed {stages} of {} stages; {left_out} {were} left out: {}.",
                stages + left_out,
                why.join("; ")
            ))?;
        }
        if ending.unchecked.is_empty() {
            return Ok(());
        }
        let figures = ending.unchecked.iter().map(|(name, stages)| {
            let plural = if *stages == 1 { "" } else { "s" };
            format!("{name} (in {stages} stage{plural})")
        });
        self.out.tell(&format!(
            "Not checked, because this kernel does not report it here: {}.",
            figures.collect::<Vec<_>>().join(", ")
        ))
    }
}
