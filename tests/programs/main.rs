//! The lessons and the servers as programs, run from outside. They mostly wait, so all of these
//! tests are one program, whose threads wait at the same time.

#[path = "../common/mod.rs"]
mod common;

mod arriving;
mod kv_server;
mod lessons;
mod proxy;
mod refusals;
mod servers;
mod settings;
mod tftp;
mod transfer;
