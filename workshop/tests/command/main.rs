//! The command, run as a student, an instructor or a program runs it. These tests mostly wait, so
//! they are one program, whose threads wait at the same time.

#[path = "../../../tests/common/mod.rs"]
mod common;

mod book;
mod container;
mod course;
mod netstat;
mod page;
mod pictures;
mod slides;
