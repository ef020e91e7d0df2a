//! What waits in a socket for the answer, and whether it takes it.

use socket_workshop::table::{End, Table};

use crate::exam::{CheckError, Exam, Verdict};

/// How many bytes wait at this end, once all that was sent to it has arrived.
pub(super) fn recv_q(exam: &Exam, end: End) -> Verdict<usize> {
    let waiting = |table: &Table| {
        let waiting = table.find(end).map_or(0, |row| row.recv_q as usize);
        has_arrived(table, end).then_some(waiting)
    };
    exam.table_shows(waiting)?
        .ok_or_else(|| CheckError::skipped("what was sent does not arrive"))
}

/// Waits until this many bytes wait at this end.
pub(super) fn holds(exam: &Exam, end: End, bytes: usize) -> Verdict {
    let holds = |table: &Table| table.find(end).map(|row| row.recv_q as usize) == Some(bytes);
    exam.table_shows(|table| holds(table).then_some(()))?
        .ok_or_else(|| CheckError::skipped("what was sent does not stand in Recv-Q"))
}

/// Waits until the answer has taken from this end what was sent to it: what is sent next then comes
/// in another read. If it leaves it there, this returns once it has had the chance to take it.
pub(super) fn is_taken(exam: &Exam, end: End) -> Verdict {
    if exam
        .table_shows(|table| has_arrived(table, end).then_some(()))?
        .is_none()
    {
        return Ok(());
    }
    exam.happens_now(|| {
        let table = exam.table()?;
        Ok(table.find(end).is_none_or(|row| row.recv_q == 0))
    })
    .map(drop)
}

/// Whether all that was sent to this end has arrived.
pub(super) fn has_arrived(table: &Table, end: End) -> bool {
    table.find(end.other()).is_none_or(|row| row.send_q == 0)
}
