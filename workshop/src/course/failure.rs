//! `cargo workshop check NAME --page`: the first check of an exercise that has failed, on the page
//! that plays lessons. Each step of the check is a stage, and the failure is the last one
//! (`docs/recordings.md`).

use std::{
    env, fs, io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use socket_workshop::{fault::Attempt, say};

use super::{Course, examine::Examined, segments::Segments};
use crate::{
    checks::Exercise,
    exam::{Failure, Marked, Moment, Outcome, Report, Trace, place::span},
    page,
    play::SEGMENTS,
};

impl Course {
    /// Writes the page of the first check that has failed, and says where it is. Without one, says
    /// so, and removes the page of an earlier run.
    pub(super) fn show_failure(
        &self,
        exercise: &Exercise,
        text: &str,
        examined: &Examined,
        segments: Option<&Segments>,
    ) -> io::Result<()> {
        let name = exercise.name;
        let file = self.page(exercise);
        let reports = match examined {
            Examined::Checked(reports) => &reports[..],
            Examined::DoesNotCompile => &[],
        };
        let failed = reports.iter().find_map(|report| match &report.outcome {
            Outcome::Failed(failure) => Some((report, failure)),
            _ => None,
        });
        let Some((report, failure)) = failed else {
            let _ = fs::remove_file(&file); // it may never have been there
            let is_todo = |report: &Report| matches!(report.outcome, Outcome::Todo { .. });
            return match examined {
                Examined::DoesNotCompile => say!("No page: no check was made."),
                _ if reports.iter().any(is_todo) => {
                    say!("No page: the checks of {name} meet its `todo!`.")
                }
                _ => say!("No page: no check of {name} has failed."),
            };
        };
        let recording = recording(exercise, text, report, failure, segments);
        let folder = file.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).attempt(|| format!("cannot make {}", folder.display()))?;
        fs::write(&file, page::of(&recording))
            .attempt(|| format!("cannot write {}", file.display()))?;
        if let Some(why_not) = segments.and_then(Segments::why_not) {
            say!("Without segments: {why_not}.")?;
        }
        say!("The failure as a page: {}", url(&file))
    }

    /// `target/workshop/echo.html`.
    fn page(&self, exercise: &Exercise) -> PathBuf {
        let target = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
        let target = self.root.join(target.unwrap_or_else(|| "target".into()));
        target
            .join("workshop")
            .join(exercise.name)
            .with_extension("html")
    }
}

/// The address of a file (RFC 8089): what RFC 3986 does not allow in a path is escaped.
fn url(file: &Path) -> String {
    let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    let path = file.as_os_str().as_bytes().iter();
    let escaped = path.map(|byte| match byte {
        b'/' | b'-' | b'.' | b'_' | b'~' => char::from(*byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(*byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    format!("file://{}", escaped.collect::<String>())
}

/// The run of a check that has failed, as `docs/recordings.md` describes it.
fn recording(
    exercise: &Exercise,
    text: &str,
    report: &Report,
    failure: &Failure,
    segments: Option<&Segments>,
) -> Value {
    let none = Trace::default();
    let trace = failure.trace.as_deref().unwrap_or(&none);
    let mut events = vec![json!({
        "event": "check_begins",
        "check": report.check,
        "rule": report.rule,
        "steps": failure.steps.len(),
        "without_segments": segments.and_then(Segments::why_not),
        "segments_missed": segments.map_or(0, Segments::missed),
    })];
    let last_step = trace.moments.last().map(|(_, moment)| moment);
    let last = trace.last.as_ref().or(last_step);
    let ports = last.map_or(&[][..], |moment| &moment.ports);
    let passed = segments.map(|segments| segments.between(trace.began, trace.ended, ports));
    let mut passed = passed.unwrap_or_default().into_iter().peekable();
    let mut pass_until = |time: u64, events: &mut Vec<Value>| {
        let mut count = 0;
        while let Some((_, segment)) = passed.next_if(|(at, _)| *at <= time) {
            count += 1;
            if count <= SEGMENTS {
                events.push(segment);
            }
        }
        if count > SEGMENTS {
            events.push(json!({ "event": "segments_left_out", "count": count - SEGMENTS }));
        }
    };
    let steps = failure.steps.len();
    let middle = Trace::FIRST + 1..=steps.saturating_sub(Trace::LAST);
    for (number, step) in (1..).zip(&failure.steps) {
        if middle.contains(&number) {
            continue;
        }
        if number == middle.end() + 1 && !middle.is_empty() {
            let (first, last) = (Trace::FIRST, Trace::LAST);
            events.push(json!({
                "event": "left_out",
                "stages": middle.end() - first,
                "why": format!("of {steps} steps the first {first} and the last {last} are shown"),
            }));
        }
        let moment = trace.moments.iter().find(|(after, _)| *after == number);
        if let Some((_, moment)) = moment {
            pass_until(moment.time, &mut events);
        }
        events.push(json!({ "event": "stage", "number": number, "title": step, "question": "" }));
        events.extend(moment.map(|(_, moment)| shown(moment)));
        events.push(json!({ "event": "stage_ends" }));
    }
    let end = trace.last.as_ref().map(|moment| moment.time);
    pass_until(end.unwrap_or(trace.ended), &mut events);
    events.push(failed(exercise, text, report, failure, trace));
    events.extend(trace.last.as_ref().map(shown));
    events.push(json!({ "event": "stage_ends" }));
    json!({
        "version": 1,
        "lesson": exercise.name,
        "source": { "file": exercise.path(), "text": text },
        "events": events,
    })
}

/// The table, as a lesson shows it, with the owner of each socket for its role.
fn shown(moment: &Moment) -> Value {
    let rows = moment.rows.iter().map(|row| {
        json!({
            "protocol": row.protocol,
            "recv_q": row.recv_q,
            "send_q": row.send_q,
            "local": row.local,
            "peer": row.peer,
            "state": row.state,
            "timer": row.timer,
            "role": (!row.owner.is_empty()).then_some(&row.owner),
            "figures": [],
        })
    });
    let owned = moment.rows.iter().filter(|row| !row.owner.is_empty());
    let ends = owned.map(|row| json!({ "role": row.owner, "end": row.end, "state": row.state }));
    json!({
        "event": "shown",
        "rows": rows.collect::<Vec<_>>(),
        "other_rows": moment.more,
        "rows_of_earlier_runs": 0,
        "without_row": [],
        "ends": ends.collect::<Vec<_>>(),
        "threads": moment.threads,
    })
}

fn failed(
    exercise: &Exercise,
    text: &str,
    report: &Report,
    failure: &Failure,
    trace: &Trace,
) -> Value {
    let (own, elsewhere): (Vec<&Marked>, Vec<&Marked>) = failure
        .places
        .iter()
        .partition(|place| Path::new(&place.spot.file).ends_with(exercise.path()));
    let own = own.into_iter().map(|place| place_in(text, place));
    let elsewhere = elsewhere.into_iter().map(|place| {
        let Marked { spot, label } = place;
        format!("{}:{}: {label}", spot.file, spot.line)
    });
    json!({
        "event": "check_failed",
        "expected": failure.expected,
        "seen": failure.seen,
        "bytes": failure.bytes,
        "kernel": failure.kernel.get(trace.lines..).unwrap_or_default(),
        "cause": failure.cause,
        "places": own.collect::<Vec<_>>(),
        "elsewhere": elsewhere.collect::<Vec<_>>(),
        "printed": report.printed_lines(),
    })
}

/// A place in the student's file: the line, and from which character of it to which.
fn place_in(text: &str, Marked { spot, label }: &Marked) -> Value {
    let line = text
        .lines()
        .nth((spot.line as usize).wrapping_sub(1))
        .unwrap_or_default();
    let bytes = span(line, spot.column);
    let characters = |end: usize| line[..end].chars().count();
    json!({
        "line": spot.line,
        "from": characters(bytes.start),
        "to": characters(bytes.end),
        "label": label,
    })
}
