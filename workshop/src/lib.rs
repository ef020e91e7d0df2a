//! What examines exercises, and the command that students live in. The lessons need none of it, and
//! do not wait for it to be compiled.
//!
//! | module | what it is |
//! |---|---|
//! | [`exam`] | examines an answer (a package of its own) |
//! | [`checks`] | what each exercise is held to, and the list of them all |
//! | [`course`] | the command: progress, build and examine, watch, hints, solutions, reset |
//! | [`mistakes`] | the mistakes of an exercise, as edits of right answers |
//! | [`pictures`] | connections played through a router, drawn and written down |
//! | [`watch`] | the socket table again and again, for `cargo workshop netstat` |
//!
//! Nothing but [`checks`] knows an exercise.

pub use ::exam;

pub mod checks;
pub mod course;
pub mod mistakes;
pub mod pictures;
pub mod watch;
