//! skeleton
#[cfg_attr(
    not(test),
    expect(
        dead_code,
        unused_imports,
        reason = "the commands that draw and print come next"
    )
)]
mod render;

fn main() {}
