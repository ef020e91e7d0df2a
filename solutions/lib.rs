//! The exercises, done: the same functions as in `exercises/`, with why they are right. `cargo
//! test` holds them to the same checks. Each file is a program of its own; this is only their
//! index.

#![allow(dead_code, reason = "the `main` of each is its program's")]

#[path = "02_dialer.rs"]
pub mod dialer;

#[path = "04_deadlines.rs"]
pub mod deadlines;

#[path = "03_echo.rs"]
pub mod echo;

#[path = "05_heartbeat.rs"]
pub mod heartbeat;

#[path = "07_kv.rs"]
pub mod kv;

#[path = "01_listener.rs"]
pub mod listener;

#[path = "06_reuseaddr.rs"]
pub mod reuseaddr;

#[path = "08_close.rs"]
pub mod close;

#[path = "09_states.rs"]
pub mod states;

#[path = "10_nonblocking.rs"]
pub mod nonblocking;

#[path = "11_window.rs"]
pub mod window;

#[path = "12_backlog.rs"]
pub mod backlog;

#[path = "13_shutdown.rs"]
pub mod shutdown;

#[path = "14_latency.rs"]
pub mod latency;

#[path = "15_proxy.rs"]
pub mod proxy;

#[path = "16_transfer.rs"]
pub mod transfer;

#[path = "17_datagrams.rs"]
pub mod datagrams;

#[path = "18_tftp.rs"]
pub mod tftp;

#[path = "19_headers.rs"]
pub mod headers;

#[path = "20_handshake.rs"]
pub mod handshake;

#[path = "21_servers.rs"]
pub mod servers;
