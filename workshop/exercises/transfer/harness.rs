//! A connection on which the exam sends and the answer reads messages, and a call of the answer.

use std::{
    fmt,
    io::{self, ErrorKind},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

use socket_workshop::table::End;

use super::{
    ReadMessage,
    cause::{instead, panicked, runs, waits},
};

use crate::{
    checks::{lent, queue},
    exam::{Answer, Because, Case, Exam, Peer, Took, Verdict, here, quote},
};

/// A limit that no message reaches which is not about the limit.
pub(super) const LARGE: usize = 1 << 20;

/// A message, which a failure shows as text.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Message(pub(super) Vec<u8>);

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quote(&self.0))
    }
}

/// What a call returned: a message, the end of file, or the kind of an error. And what it was to
/// return.
pub(super) type Got = Result<Option<Message>, ErrorKind>;

/// The message that a call was to return.
pub(super) fn message(bytes: &[u8]) -> Got {
    Ok(Some(Message(bytes.to_vec())))
}

/// A message with its length in front.
pub(super) fn framed(message: &[u8]) -> Vec<u8> {
    let mut bytes = (message.len() as u32).to_be_bytes().to_vec();
    bytes.extend(message);
    bytes
}

/// A connection: the exam has one end, and lends the other to the answer, call after call.
pub(super) struct Connection<'e> {
    pub(super) exam: &'e Exam,
    pub(super) peer: Peer<'e>,
    pub(super) stream: Arc<TcpStream>,
    read: ReadMessage,
}

/// One call.
pub(super) struct Call<'e> {
    exam: &'e Exam,
    pub(super) answer: Answer<'e, io::Result<Option<Message>>>,
}

impl<'e> Connection<'e> {
    pub(super) fn new(exam: &'e Exam, read: ReadMessage) -> Verdict<Connection<'e>> {
        let (peer, stream) = exam.connection()?;
        Ok(Connection {
            exam,
            peer,
            stream: Arc::new(stream),
            read,
        })
    }

    /// Calls the answer.
    pub(super) fn call(&self, limit: usize) -> Verdict<Call<'e>> {
        let limit_told = match limit {
            usize::MAX => "usize::MAX".to_owned(),
            limit => limit.to_string(),
        };
        self.exam.step(format!(
            "called `read_message` with a limit of {limit_told}"
        ));
        let (read, stream) = (self.read, Arc::clone(&self.stream));
        let body = move || read(&stream, limit).map(|message| message.map(Message));
        Ok(Call {
            exam: self.exam,
            answer: self.exam.start("read_message", body)?,
        })
    }

    /// Calls the answer, which must return this.
    pub(super) fn returns(&self, wanted: Got) -> Verdict {
        self.call(LARGE)?.returns(wanted, |_, _| None).map(drop)
    }

    /// Sends, and waits until all of it stands in Recv-Q. Only while no call is under way.
    pub(super) fn queues(&self, bytes: &[u8]) -> Verdict {
        let before = self.recv_q()?;
        self.peer.send(bytes)?;
        queue::holds(self.exam, self.end()?, before + bytes.len())
    }

    /// Sends, and waits until it has been taken from the socket: what is sent next comes in another
    /// read. Unless the answer leaves it there: it may wait for more of the message.
    pub(super) fn sends_a_piece(&self, bytes: &[u8]) -> Verdict {
        self.peer.send(bytes)?;
        queue::is_taken(self.exam, self.end()?)
    }

    /// How many bytes wait for the answer in its socket, once all that was sent has arrived there.
    pub(super) fn recv_q(&self) -> Verdict<usize> {
        queue::recv_q(self.exam, self.end()?)
    }

    fn end(&self) -> Verdict<End> {
        here("read an address", End::of(&*self.stream))
    }

    /// So many bytes must wait in the socket, after what a call has read.
    pub(super) fn leaves(&self, bytes: usize) -> Verdict {
        let left = self.recv_q()?;
        self.exam.must(
            left == bytes,
            format!("{bytes} bytes to be in the socket still (Recv-Q)"),
            format!("{left} bytes are there; `read_message` has returned"),
        )
    }

    /// The caller sets a read timeout.
    pub(super) fn has_a_timeout(&self, timeout: Duration) -> Verdict {
        let set = self.stream.set_read_timeout(Some(timeout));
        here("set a timeout", set)?;
        self.exam
            .step(format!("set a read timeout of {timeout:?} on your end"));
        Ok(())
    }

    /// The stream is lent: it must be as open as the peer has left it, and block.
    pub(super) fn is_as_it_was(&self) -> Verdict {
        lent::is_as_it_was(self.exam, &self.stream)
    }

    /// A thread that waits is blocked in a system call.
    pub(super) fn comes_to_rest(&self) -> Verdict {
        self.exam
            .must(
                self.exam.comes_to_rest()?,
                "your thread to wait, while nothing comes",
                "it runs",
            )
            .because(runs)
    }
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
                true => panicked(&wanted, case),
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
        let told = match &wanted {
            Ok(message) => format!("Ok({message:?})"),
            Err(kind) => format!("an error of the kind {kind:?}"),
        };
        if got == wanted {
            self.exam.step(format!("it returned {told}"));
            return Ok(took);
        }
        self.exam
            .fail(format!("`read_message` to return {told}"), seen)
            .because(|case| cause(Some(&got), case))
            .because(|case| instead(&wanted, &got, case))
    }
}
