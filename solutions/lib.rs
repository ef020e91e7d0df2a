//! The exercises, done: the same functions as in `exercises/`, with why they are right. `cargo test`
//! holds them to the same checks. Each file is a program of its own; this is only their index.

#![allow(dead_code, reason = "the `main` of each is its program's")]

#[path = "03_echo.rs"]
pub mod echo;
