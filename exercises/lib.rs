//! The exercises, in their order. Each is a file of its own and a program of its own: this library
//! is only their index.
//!
//! | exercise | what to build |
//! |---|---|
//! | `03_echo.rs` | a server's side of a connection that sends every byte back |
