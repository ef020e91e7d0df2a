//! What examines exercises, and the command that students live in. The lessons need none of it, and
//! do not wait for it to be compiled.
//!
//! | module | what it is |
//! |---|---|
//! | [`exam`] | examines an answer: a process for each check, peers, the kernel's evidence, reports |
//! | [`checks`] | what each exercise is held to, and the list of them all |
//! | [`course`] | the command: progress, build and examine, watch, hints, solutions, reset |
//! | [`pictures`] | connections played through a router, drawn and written down |
//! | [`watch`] | the socket table again and again, for `cargo workshop netstat` |
//!
//! Nothing but [`checks`] knows an exercise.

pub mod checks;
pub mod course;
pub mod exam;
pub mod pictures;
pub mod watch;
