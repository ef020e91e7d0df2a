//! Exercise 7: kv
//!
//! Many clients share a store of keys and values. Each client has a thread of its own, and all
//! threads call `serve_client` with the same store. Write that call: it reads requests, one per
//! line, and answers each with one line, until the conversation ends. No client may wait for
//! another.
//!
//!     PUT key value     OK                      the value replaces an earlier one
//!     GET key           VALUE value, or NONE    NONE: the key has no value yet
//!     QUIT              no answer               the server ends the conversation
//!     anything else     ERR and a reason        the conversation goes on
//!
//! Core rules (about 30 minutes):
//!   1. Answer each request with one line that ends with `\n`. Send it before you wait for more,
//!      even if a part of the next request has arrived.
//!   2. A space ends the key. Store everything after that space as the value, byte for byte. The
//!      value may be empty. All clients share the store.
//!   3. Wait for the `\n` of a request. A request may arrive in any number of pieces.
//!   4. Answer every request that has arrived, in order. One read may bring many of them.
//!   5. Answer ERR to an unknown or incomplete request, to an empty line, and to a line that is not
//!      UTF-8. Then go on.
//!   6. Keep a silent client. It is still connected.
//!   7. At end of file close the connection and return Ok(()). Neither execute nor answer a last
//!      line without its `\n`.
//!   8. At QUIT send your FIN right after the last answer, without waiting for the client. Execute
//!      nothing that comes after QUIT. Return Ok(()) at the latest when the client has closed.
//!   9. Do not hold the lock while you read or write. A client that is silent, or does not read its
//!      answers, must not delay the others.
//!
//! Hardened rules (about 25 minutes more):
//!   10. Accept a request of 1024 bytes, not counting its `\n`. Answer ERR to a longer one as soon
//!       as it is too long, then end the conversation as at QUIT.
//!   11. Do not reset a connection that you end. Until the client closes, discard what it still
//!       sends. You may stop after 1 MiB, or after half a second.
//!   12. When the connection is reset, return the error. Do not panic.
//!   13. Once the client has closed, leave no descriptor and no thread behind on any path.
//!
//! A key has no space, but may have a tab or any other character. An empty key may be accepted or
//! refused. After a line that is too long, and after a last line without its `\n`, `serve_client` may
//! return Ok or an error.
//!
//! How to go on:
//!
//!     cargo workshop check kv  checks it; so does  cargo test -p exercises --test kv
//!     cargo workshop hint kv   helps, a little more each time
//!     cargo run --example kv   runs the lesson; its server speaks JSON-RPC instead of this

use std::{collections::HashMap, io, net::TcpStream, process::ExitCode, sync::Mutex};

/// Answers one client's requests from the store, to the end of file or to QUIT.
pub fn serve_client(stream: TcpStream, store: &Mutex<HashMap<String, String>>) -> io::Result<()> {
    let _ = (stream, store);
    todo!(
        "make one BufReader for the connection; read a line, answer it, and repeat until end of \
         file"
    )
}

fn main() -> ExitCode {
    workshop::checks::kv::SUITE.examine(serve_client)
}
