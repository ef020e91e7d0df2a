//! The client's side of the store: a call at a time over one connection.

use std::{
    io::{self, BufReader, ErrorKind, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_core::Serialize;

use super::{GetArgs, GetReply, PutArgs, PutReply, READ_AHEAD};
use crate::{
    deadline::{Deadline, Timed},
    dial::dial,
    fault::Attempt,
    rpc::{self, Line, object::FromObject},
};

/// A connection to a server, for any number of calls, one after another.
#[derive(Debug)]
pub struct Client {
    /// One reader for the connection's life: what it has read ahead belongs to the next answer.
    answers: BufReader<Timed<TcpStream>>,
    limit: Duration,
    next_id: u64,
    line: Vec<u8>,
}

impl Client {
    /// Dials the first address that answers. The limit holds for the dialing, and for each call.
    ///
    /// # Errors
    /// None answered within the limit.
    pub fn dial(addrs: &[SocketAddr], limit: Duration) -> io::Result<Client> {
        let stream = dial(addrs, Deadline::after(limit))?;
        let answers = BufReader::with_capacity(READ_AHEAD, Deadline::after(limit).on(stream));
        Ok(Client {
            answers,
            limit,
            next_id: 0,
            line: Vec::new(),
        })
    }

    /// The connection, to be looked at.
    #[must_use]
    pub fn stream(&self) -> &TcpStream {
        self.answers.get_ref().stream()
    }

    /// Stores a value under a key.
    ///
    /// # Errors
    /// The call failed. Whatever the failure, the connection must not be
    /// used again: its answer may still come.
    pub fn put(&mut self, key: &str, value: &str) -> io::Result<()> {
        let PutReply {} = self.call(
            "KV.Put",
            PutArgs {
                key: key.into(),
                value: value.into(),
            },
        )?;
        Ok(())
    }

    /// The value under a key.
    ///
    /// # Errors
    /// As for [`Client::put`].
    pub fn get(&mut self, key: &str) -> io::Result<Option<String>> {
        let GetReply { value, found } = self.call("KV.Get", GetArgs { key: key.into() })?;
        Ok(found.then_some(value))
    }

    fn call<T: for<'a> FromObject<'a>>(
        &mut self,
        method: &str,
        argument: impl Serialize,
    ) -> io::Result<T> {
        let id = self.next_id;
        self.next_id += 1;
        self.line.clear();
        rpc::write_call(&mut self.line, method, argument, id);
        self.answers.get_mut().renew(self.limit);
        self.exchange(id)
            .attempt(|| format!("cannot call {method}"))
    }

    /// Sends the request in `line`, and reads its answer into the same place.
    fn exchange<T: for<'a> FromObject<'a>>(&mut self, id: u64) -> io::Result<T> {
        if self.line.len() > rpc::MAX_REQUEST {
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                "the request is longer than 64 KiB",
            ));
        }
        self.answers.get_mut().write_all(&self.line)?;
        let gone = |what| Err(io::Error::new(ErrorKind::UnexpectedEof, what));
        match rpc::read_line(&mut self.answers, &mut self.line, rpc::MAX_ANSWER)? {
            Line::Whole => rpc::parse_answer(&self.line, id),
            Line::EndOfFile => gone("the server closed the connection before it answered"),
            Line::Cut => gone("the server closed the connection in the middle of its answer"),
            Line::TooLong => Err(io::Error::new(
                ErrorKind::InvalidData,
                "the answer is longer than 512 KiB",
            )),
        }
    }
}
