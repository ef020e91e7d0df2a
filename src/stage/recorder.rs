//! `--record FILE`: what happens, as JSON, one event a line. `docs/recordings.md` documents it.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Instant, SystemTime},
};

use serde_json::{Value, json};

use super::event::{Consumer, Ending, Event, PassedSegment, Shown, WithoutRow};
use crate::{command::program_name, fault::Attempt, table::Protocol};

/// The version of the format. It grows when a reader of the older one would misread the newer.
const VERSION: u32 = 1;

/// Writes each event as soon as it happens.
pub(super) struct Recorder {
    file: File,
    path: PathBuf,
    begun: Instant,
}

impl Recorder {
    /// # Errors
    /// The file cannot be created.
    pub(super) fn create(path: &Path) -> io::Result<Recorder> {
        let file = File::create(path).attempt(|| format!("cannot write {}", path.display()))?;
        Ok(Recorder {
            file,
            path: path.to_owned(),
            begun: Instant::now(),
        })
    }
}

impl Consumer for Recorder {
    fn take(&mut self, event: &Event<'_>) -> io::Result<()> {
        let Some(mut value) = value(event) else {
            return Ok(());
        };
        let microseconds = self.begun.elapsed().as_micros();
        value["at"] = json!(u64::try_from(microseconds).unwrap_or(u64::MAX));
        self.file
            .write_all(format!("{value}\n").as_bytes())
            .attempt(|| format!("cannot write {}", self.path.display()))
    }
}

/// What is written of an event.
fn value(event: &Event<'_>) -> Option<Value> {
    Some(match event {
        Event::Begins { protocol, about } => json!({
            "event": "begins",
            "version": VERSION,
            "lesson": program_name(),
            "protocol": match protocol {
                Protocol::Tcp => "tcp",
                Protocol::Udp => "udp",
            },
            "address": about.to_string(),
            "time": SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs_f64(),
        }),
        Event::Told(text) => json!({ "event": "told", "text": text }),
        Event::Stage(heading) => json!({
            "event": "stage",
            "number": heading.number,
            "title": heading.title,
            "file": heading.file(),
            "line": heading.source.line(),
            "question": heading.question,
        }),
        Event::Segment(passed) => passed.event(),
        Event::Passed(lines) => json!({ "event": "passed", "text": lines }),
        Event::Confirmed(rows) => {
            let demands = rows.iter().map(|(role, end, must)| {
                json!({ "role": role, "end": end.to_string(), "demand": must.to_string() })
            });
            json!({ "event": "confirmed", "demands": demands.collect::<Vec<_>>() })
        }
        Event::Shown(shown) => table(shown),
        Event::Explained(text) => json!({ "event": "explained", "text": text }),
        Event::Claimed(text) => json!({ "event": "claimed", "text": text.trim() }),
        Event::StageEnds => json!({ "event": "stage_ends" }),
        Event::LeftOut { stages, why } => {
            json!({ "event": "left_out", "stages": stages, "why": why })
        }
        Event::Pause | Event::LastStageOver => return None,
        Event::Ends(ending) => end(ending),
    })
}

impl PassedSegment {
    /// The event of a recording that shows it, without the time.
    #[must_use]
    pub fn event(&self) -> Value {
        json!({
            "event": "segment",
            "from": self.from.to_string(),
            "to": self.to.to_string(),
            "flags": self.flags,
            "length": self.length,
            "info": self.info,
        })
    }
}

fn table(shown: &Shown<'_>) -> Value {
    let rows = shown.rows.iter().map(|shown| {
        let row = shown.row;
        let [protocol, _, _, local, peer, state, timer] = row.columns();
        json!({
            "protocol": protocol,
            "recv_q": row.recv_q,
            "send_q": row.send_q,
            "local": local,
            "peer": peer,
            "state": state,
            "timer": timer,
            "role": shown.role,
            "figures": shown.figures,
        })
    });
    let without_row = shown.without_row.iter().map(|(role, why)| {
        let why = match why {
            WithoutRow::Closed => "closed",
            WithoutRow::NoSocket => "no socket",
            WithoutRow::MinuteOver => "minute over",
        };
        json!({ "role": role, "why": why })
    });
    let ends = shown.ends.iter().map(|(role, end, state)| {
        json!({ "role": role, "end": end.to_string(), "state": state.to_string() })
    });
    json!({
        "event": "shown",
        "rows": rows.collect::<Vec<_>>(),
        "other_rows": shown.others,
        "rows_of_earlier_runs": shown.left_earlier.unwrap_or(0),
        "without_row": without_row.collect::<Vec<_>>(),
        "ends": ends.collect::<Vec<_>>(),
    })
}

fn end(ending: &Ending) -> Value {
    let left_out = ending.left_out.iter();
    let left_out = left_out.map(|(stages, why)| json!({ "stages": stages, "why": why }));
    json!({
        "event": "ends",
        "stages": ending.stages,
        "checked": ending.checked,
        "left_out": left_out.collect::<Vec<_>>(),
        "unchecked": ending.unchecked,
    })
}
