//! STUB

fn main() {}
