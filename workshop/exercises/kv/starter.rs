//! Exercise 7: kv. A stream carries requests in whatever pieces it likes, and many clients share a
//! store: no client may wait for another.
//!
//! Build the server's side of one connection: read requests, a line each, and answer each with a
//! line. Every client gets a thread of its own, and all threads call `serve_client` with one store.
//!
//!     PUT key value     OK                      the value replaces one that was there
//!     GET key           VALUE value, or NONE    NONE: nobody has put it yet
//!     QUIT              no answer               the server ends the conversation
//!     anything else     ERR and a reason        the conversation goes on
//!
//! The rules it is held to:
//! - a line ends with `\n`, in both directions; a key has no space in it; the value is all that
//!   follows the space behind the key, to the end of the line, with every space in it;
//! - requests come in any pieces, a byte at a time or a hundred at once, and are answered in their
//!   order; what is complete is answered before more is waited for;
//! - an unknown or incomplete request, an empty line, and a line that is not UTF-8 get `ERR`;
//! - a request has at most 1024 bytes, without its `\n`. A longer one gets `ERR` as soon as it is too
//!   long, whether or not its end has come, and then the server ends the conversation;
//! - to end the conversation, at QUIT or at a line that is too long: what came before it is answered,
//!   what comes behind it is not executed. Without waiting for the client, send the end of file behind
//!   the last answer. The client must be able to read both, even if it has sent up to 1 MiB that you
//!   have not read: a reset will not do, neither instead of the end of file nor behind it.
//!   `serve_client` must return once the client has closed too, and may do so earlier. After QUIT it
//!   returns Ok(()); after a line that is too long, as you like;
//! - the client's end of file ends the conversation, also when it has sent nothing at all: close, and
//!   return Ok(()). A last line without its `\n` is no request: it is neither executed nor answered,
//!   and may make an error of what you return;
//! - the store is not locked while you read or write: a client that says nothing, or does not read its
//!   answers, does not hold the others up;
//! - a connection that is reset is an error, not an end of file, and no reason to panic.
//!
//! How to go on:
//!
//!     cargo workshop check kv       examines it; so does  cargo test -p exercises --test kv
//!     cargo workshop hint kv        helps, a little more each time
//!     cargo run --example kv        is the lesson; its server speaks JSON-RPC instead of this

use std::{collections::HashMap, io, net::TcpStream, process::ExitCode, sync::Mutex};

/// Answers one client's requests from the store, to the end of file or to QUIT.
pub fn serve_client(stream: TcpStream, store: &Mutex<HashMap<String, String>>) -> io::Result<()> {
    let _ = (stream, store);
    todo!(
        "make one BufReader for the connection, read a line, answer it, and again, to the end of file"
    )
}

fn main() -> ExitCode {
    workshop::checks::kv::SUITE.examine(serve_client)
}
