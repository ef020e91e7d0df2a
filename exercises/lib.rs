//! The exercises, in their order. Each is a file of its own and a program of its own: this library
//! is only their index.
//!
//! | exercise | what to build |
//! |---|---|
//! | `01_listener.rs` | a listening socket with its backlog, and a server that greets each client
//! at once |
//! | `02_dialer.rs` | a connection to the first of several addresses that answers, by one limit |
//! | `03_echo.rs` | a server's side of a connection that sends every byte back |
//! | `04_deadlines.rs` | one line, by an absolute deadline, of a limited length |
//! | `05_heartbeat.rs` | a watch over a quiet peer: closed, silent or reset |
//! | `06_reuseaddr.rs` | a server's address taken back, and never shared |
//! | `07_kv.rs` | a line protocol for a store that many clients share |
//! | `08_close.rs` | a large answer that arrives whole, whatever the peer is still saying |
//! | `09_states.rs` | a connection brought into the states that are asked for |
//! | `10_nonblocking.rs` | a dial that ends by a deadline, or when it is cancelled |
//! | `11_window.rs` | a non-blocking writer with a queue of its own and a limit on it |
//! | `12_backlog.rs` | an accept queue with room for a burst, and workers who take from it |
//! | `13_shutdown.rs` | a server that serves the clients that came in time, and stops within a
//! limit |
//! | `14_latency.rs` | a request writer that needs one segment |
//! | `15_proxy.rs` | a proxy that passes each half-close on |
//! | `16_transfer.rs` | one framed message, whose length is never trusted |
//! | `17_datagrams.rs` | request and answer over a link that loses, repeats and reorders |
//! | `18_tftp.rs` | the packets of TFTP, read and written |
//! | `19_headers.rs` | the Internet checksum, and a TCP header with its options |
//! | `20_handshake.rs` | the states of an end, read from what it has sent and heard |
//! | `21_servers.rs` | a server on one thread, with poll and a small state for each client |
