//! The key-value store of MIT 6.824's `kv.go`: two methods, `KV.Put` and `KV.Get`, on a map in a
//! mutex; and both sides of the protocol, the server's and the client's.
//!
//! A missing key is `""` in Go, the zero value. Here the answer says `"Found":false` beside it,
//! which a Go client ignores.

mod client;
mod store;

use std::{
    borrow::Cow,
    io::{self, BufRead, BufReader, ErrorKind, Write},
    net::{SocketAddr, TcpListener},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_core::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

pub use client::Client;
pub use store::OVERHEAD;

use self::store::Store;
use crate::{
    listen::Listen,
    rpc::{
        self, Line, Request,
        object::{self, FromObject, means},
    },
    serve::{Capacity, Connection, Totals, serve},
    stop::Stop,
};

/// How long a call may take, for a client as for a server.
pub const CALL_LIMIT: Duration = Duration::from_secs(10);

/// What a server grants its clients.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections served at once.
    pub capacity: Capacity,
    /// The time between two calls, after which a connection is closed.
    pub idle: Duration,
    /// The time from a request's first byte to its answer's last.
    pub call: Duration,
}

impl Limits {
    /// These two, and [`CALL_LIMIT`] for a call.
    #[must_use]
    pub fn new(capacity: impl Into<Capacity>, idle: Duration) -> Limits {
        Limits {
            capacity: capacity.into(),
            idle,
            call: CALL_LIMIT,
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits::new(10_000, Duration::from_secs(300))
    }
}

/// What a connection's reader holds at a time. Small, because thousands of connections may idle.
const READ_AHEAD: usize = 1 << 10;

/// Answers to calls that came together leave together, up to about this many bytes.
const WRITE_AHEAD: usize = 64 << 10;

/// What a store may hold unless it is told otherwise, in bytes: see [`Kv::with_max_memory`].
pub const MAX_MEMORY: usize = 256 << 20;

/// The store, and how many calls it has answered.
#[derive(Debug)]
pub struct Kv {
    store: Mutex<Store>,
    calls: AtomicU64,
}

/// A store that may hold [`MAX_MEMORY`].
impl Default for Kv {
    fn default() -> Kv {
        Kv::with_max_memory(MAX_MEMORY)
    }
}

#[derive(Default)]
struct PutArgs<'a> {
    key: Cow<'a, str>,
    value: Cow<'a, str>,
}

#[derive(Default)]
struct GetArgs<'a> {
    key: Cow<'a, str>,
}

#[derive(Default)]
struct PutReply {}

struct GetReply {
    value: String,
    /// Left out when true, so that the answer is Go's to the letter.
    found: bool,
}

impl Default for GetReply {
    fn default() -> GetReply {
        GetReply {
            value: String::new(),
            found: true,
        }
    }
}

impl Serialize for PutArgs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([("Key", &self.key), ("Value", &self.value)])
    }
}

impl Serialize for GetArgs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([("Key", &self.key)])
    }
}

impl Serialize for PutReply {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_map(Some(0))?.end()
    }
}

impl Serialize for GetReply {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("Value", &self.value)?;
        if !self.found {
            members.serialize_entry("Found", &false)?;
        }
        members.end()
    }
}

impl<'a> FromObject<'a> for PutArgs<'a> {
    fn take(&mut self, name: &str, value: &'a RawValue) -> Result<(), String> {
        put_string(&mut self.key, "Key", name, value)?;
        put_string(&mut self.value, "Value", name, value)
    }
}

impl<'a> FromObject<'a> for GetArgs<'a> {
    fn take(&mut self, name: &str, value: &'a RawValue) -> Result<(), String> {
        put_string(&mut self.key, "Key", name, value)
    }
}

impl FromObject<'_> for PutReply {
    fn take(&mut self, _: &str, _: &RawValue) -> Result<(), String> {
        Ok(())
    }
}

impl FromObject<'_> for GetReply {
    fn take(&mut self, name: &str, value: &RawValue) -> Result<(), String> {
        if means(name, "Found") && value.get() != "null" {
            self.found = serde_json::from_str(value.get()).map_err(|e| format!("Found: {e}"))?;
        }
        put_string(&mut self.value, "Value", name, value)
    }
}

/// Puts the value into this field if the name means it. Null leaves the field as it is.
fn put_string<'a, S: From<Cow<'a, str>>>(
    field: &mut S,
    its_name: &str,
    name: &str,
    value: &'a RawValue,
) -> Result<(), String> {
    if means(name, its_name) {
        let string = object::string(value).map_err(|error| format!("{its_name}: {error}"))?;
        if let Some(string) = string {
            *field = string.into();
        }
    }
    Ok(())
}

impl Kv {
    /// A store that may hold this many bytes: of keys, of values, and [`OVERHEAD`] for each entry.
    /// A Put past that is answered with an error.
    #[must_use]
    pub fn with_max_memory(bytes: usize) -> Kv {
        Kv {
            store: Mutex::new(Store::new(bytes)),
            calls: AtomicU64::new(0),
        }
    }

    /// Calls answered so far, errors included.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// A listener for clients that come by the thousand, whose answers do
    /// not wait for each other's ACK.
    ///
    /// # Errors
    /// As for [`Listen::on`].
    pub fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
        Listen {
            backlog: 4096,
            no_delay: true,
            ..Listen::default()
        }
        .on(addr)
    }

    /// Serves clients until the stop; see [`serve()`].
    ///
    /// # Errors
    /// The listener has failed.
    pub fn serve(&self, listener: TcpListener, stop: &Stop, limits: Limits) -> io::Result<Totals> {
        serve(listener, stop, limits.capacity, |connection| {
            self.converse(connection, limits)
        })
    }

    /// Answers the requests of one connection, in their order, until its end of file, the stop, or
    /// the limit of idleness.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidData`] when the stream cannot be trusted any more: a line that is neither
    /// a JSON object nor null, or is too long. `UnexpectedEof` for an end of file in the middle of a
    /// line, `TimedOut` for a call over its limit; or the socket's error.
    pub fn converse(&self, connection: &Connection, limits: Limits) -> io::Result<()> {
        let mut requests = BufReader::with_capacity(READ_AHEAD, connection);
        let (mut line, mut answers) = (Vec::new(), Vec::new());
        loop {
            connection.between_messages(limits.idle);
            match requests.fill_buf() {
                Ok([]) => return Ok(()),
                // Idle for long enough.
                Err(error) if error.kind() == ErrorKind::TimedOut => return Ok(()),
                begun => begun?,
            };
            connection.within_message(limits.call);
            let outcome = self.next_answer(&mut requests, &mut line, &mut answers);
            // The next request may be here already: then its answer can leave with this one. But
            // never wait for more while an answer has not left.
            if outcome.is_err()
                || !requests.buffer().contains(&b'\n')
                || answers.len() > WRITE_AHEAD
            {
                (&mut &*connection).write_all(&answers)?;
                forget(&mut answers);
            }
            forget(&mut line);
            outcome?;
        }
    }

    /// Reads a request and appends its answer.
    fn next_answer(
        &self,
        requests: &mut impl BufRead,
        line: &mut Vec<u8>,
        answers: &mut Vec<u8>,
    ) -> io::Result<()> {
        let invalid = |what| Err(io::Error::new(ErrorKind::InvalidData, what));
        let read = rpc::read_line(requests, line, rpc::MAX_REQUEST)?;
        if read == Line::TooLong {
            return invalid("a request of more than 64 KiB");
        }
        let text = object::text(line);
        if text.trim_matches(object::WHITESPACE).is_empty() {
            return Ok(()); // Enter, pressed once too often; or end of file
        }
        let request = Request::parse(&text);
        if read == Line::Cut {
            if let Some(request) = request {
                let error = "end of file before the newline that ends a request";
                rpc::write_answer(answers, request.id, Err::<(), _>(error));
            }
            return Err(io::Error::new(
                ErrorKind::UnexpectedEof,
                "end of file in the middle of a request",
            ));
        }
        let Some(request) = request else {
            return invalid("a line that is not a JSON object");
        };
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.answer(&request, answers);
        Ok(())
    }

    /// Calls the method and appends the answer.
    fn answer(&self, request: &Request, answers: &mut Vec<u8>) {
        let store = || self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = request.method().and_then(|method| match method {
            "KV.Put" => {
                let PutArgs { key, value } = request.argument()?;
                store().put(&key, &value)?;
                rpc::write_answer(answers, request.id, Ok(PutReply {}));
                Ok(())
            }
            "KV.Get" => {
                let GetArgs { key } = request.argument()?;
                let value = store().get(&key).map(str::to_owned);
                let reply = GetReply {
                    found: value.is_some(),
                    value: value.unwrap_or_default(),
                };
                rpc::write_answer(answers, request.id, Ok(reply));
                Ok(())
            }
            "" => Err("the request has no method".to_owned()),
            method => Err(format!("can't find method {method}")),
        });
        if let Err(error) = outcome {
            rpc::write_answer(answers, request.id, Err::<(), _>(&error));
        }
    }
}

/// Empties a buffer, and gives back its memory if one long message has made it large.
fn forget(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.shrink_to(4 * READ_AHEAD);
}
