//! Examines every answer in `workshop/exercises`: see `tests/answers.rs`. `build.rs` makes the
//! programs.
