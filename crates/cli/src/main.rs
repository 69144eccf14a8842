//! TozStore at a terminal.
fn main() {}
