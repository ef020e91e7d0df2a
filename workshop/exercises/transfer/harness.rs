//! A connection on which the exam sends and the answer reads messages, and a call of the answer.

use std::{
    fmt,
    io::{self, ErrorKind},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

use super::{
    ReadMessage,
    cause::{instead, panicked, runs, waits},
};

use crate::{
    checks::lent,
    exam::{Because, Case, Exam, Running, Took, Verdict, or_skip, quote},
};

/// A limit that no message reaches where the limit is not the subject.
pub(super) const LARGE: usize = 1 << 20;

/// A message, which is shown as text.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Message(pub(super) Vec<u8>);

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quote(&self.0))
    }
}

/// What a call returned, or was to return: a message, end of file, or the kind of an error.
pub(super) type Got = Result<Option<Message>, ErrorKind>;

/// The message that a call was to return.
pub(super) fn message(bytes: &[u8]) -> Got {
    Ok(Some(Message(bytes.to_vec())))
}

/// A message after its length.
pub(super) fn framed(message: &[u8]) -> Vec<u8> {
    let mut bytes = (message.len() as u32).to_be_bytes().to_vec();
    bytes.extend(message);
    bytes
}

/// A connection that is lent to `read_message`.
pub(super) type Connection<'e> = lent::Connection<'e, ReadMessage>;

/// One call.
pub(super) struct Call<'e> {
    exam: &'e Exam,
    pub(super) answer: Running<'e, io::Result<Option<Message>>>,
}

impl<'e> Connection<'e> {
    /// Calls the answer.
    pub(super) fn call(&self, limit: usize) -> Verdict<Call<'e>> {
        lend(self.exam, self.function, Arc::clone(&self.stream), limit)
    }

    /// Calls the answer, which must return this.
    pub(super) fn returns(&self, wanted: Got) -> Verdict {
        self.call(LARGE)?.returns(wanted, |_, _| None).map(drop)
    }

    /// This many bytes must be left in the socket after what a call has read.
    pub(super) fn leaves(
        &self,
        bytes: usize,
        cause: impl FnOnce(usize) -> Option<&'static str>,
    ) -> Verdict {
        let left = self.recv_q()?;
        self.exam
            .must(
                left == bytes,
                format!("{bytes} bytes to be left in the socket (Recv-Q)"),
                format!("{left} bytes are left; it has returned"),
            )
            .because(|_| cause(left).map(str::to_owned))
    }

    /// The caller's read timeout.
    pub(super) fn has_timeout(&self, timeout: Option<Duration>) -> Verdict {
        or_skip("set a timeout", self.stream.set_read_timeout(timeout))?;
        if let Some(timeout) = timeout {
            self.exam
                .step(format!("set a read timeout of {timeout:?} on your end"));
        }
        Ok(())
    }

    /// A thread that waits is blocked in a system call.
    pub(super) fn comes_to_rest(&self) -> Verdict {
        self.exam
            .must(
                self.exam.comes_to_rest()?,
                "your thread to wait while nothing arrives",
                "it runs",
            )
            .because(runs)
    }
}

/// Calls the answer with a stream of which the exam has the peer, or which has none any more.
pub(super) fn lend(
    exam: &Exam,
    read: ReadMessage,
    stream: Arc<TcpStream>,
    limit: usize,
) -> Verdict<Call<'_>> {
    let limit_shown = match limit {
        usize::MAX => "usize::MAX".to_owned(),
        limit => limit.to_string(),
    };
    exam.step(format!(
        "called `read_message` with a limit of {limit_shown}"
    ));
    let body = move || read(&stream, limit).map(|message| message.map(Message));
    Ok(Call {
        exam,
        answer: exam.start("read_message", body)?,
    })
}

impl Call<'_> {
    /// The call must return this. Returns how long it took.
    ///
    /// `cause` is what the check knows of what came instead, `None` if nothing came.
    pub(super) fn returns(
        self,
        wanted: Got,
        cause: impl Fn(Option<&Got>, &Case) -> Option<String>,
    ) -> Verdict<Took> {
        let returned = self.answer.returns("after the last step");
        let returned = returned
            .because(|case| match case.panicked {
                true => Some(panicked(&wanted, case)),
                false => cause(None, case),
            })
            .because(|case| waits(&wanted, case))?;
        let took = self.answer.took();
        let (seen, got) = match returned {
            Ok(message) => (format!("it has returned Ok({message:?})"), Ok(message)),
            Err(error) => (
                format!("it has returned an error: {error} ({:?})", error.kind()),
                Err(error.kind()),
            ),
        };
        let expected = match &wanted {
            Ok(message) => format!("Ok({message:?})"),
            Err(kind) => format!("an error of the kind {kind:?}"),
        };
        if got == wanted {
            self.exam.step(format!("it returned {expected}"));
            return Ok(took);
        }
        self.exam
            .fail(format!("`read_message` to return {expected}"), seen)
            .because(|case| cause(Some(&got), case))
            .because(|case| instead(&wanted, &got, case))
    }
}
