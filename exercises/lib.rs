//! The exercises, in their order. Each is a file of its own and a program of its own: this library
//! is only their index.
//!
//! | exercise | what to build |
//! |---|---|
//! | `01_listener.rs` | a listening socket with its backlog, and a server that greets each client at once |
//! | `02_dialer.rs` | a connection to the first of several addresses that answers, by one limit |
//! | `03_echo.rs` | a server's side of a connection that sends every byte back |
//! | `04_deadlines.rs` | one line, by an absolute deadline, of a limited length |
//! | `05_heartbeat.rs` | a watch over a quiet peer: closed, silent or reset |
//! | `06_reuseaddr.rs` | a server's address taken back, and never shared |
//! | `07_kv.rs` | a line protocol for a store that many clients share |
