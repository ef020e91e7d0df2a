//! What examines exercises, and the command that students live in. The lessons need none of it, and
//! do not wait for it to be compiled.
//!
//! | module | what it is |
//! |---|---|
//! | [`exam`] | examines an answer (a package of its own) |
//! | [`book`] | the book: chapters made of lessons, recordings and exercises |
//! | [`checks`] | what each exercise is held to, and the list of them all |
//! | [`course`] | the command: progress, build and examine, watch, hints, solutions, reset |
//! | [`mistakes`] | the mistakes of an exercise, as edits of right answers |
//! | [`page`] | the page on which a lesson is played |
//! | [`pictures`] | connections played through a router, drawn and written down |
//! | [`play`] | runs a lesson: its events, and the segments that pass meanwhile |
//! | [`recording`], [`teach`] | a lesson on a page: written down, or live |
//! | [`watch`] | the socket table again and again, for `cargo workshop netstat` |
//!
//! Nothing but [`checks`] knows an exercise.

pub use ::exam;

pub mod book;
mod build;
pub mod checks;
pub mod course;
pub mod mistakes;
pub mod page;
pub mod pictures;
pub mod play;
pub mod recording;
pub mod teach;
pub mod watch;
