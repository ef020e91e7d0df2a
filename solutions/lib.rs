//! The exercises, done: the same functions as in `exercises/`, with why they are right. `cargo test`
//! holds them to the same checks.
