//! skeleton
mod render;

fn main() {}
