//! The command line of the Neural Tangent Kernel toolbox.

#[allow(dead_code, reason = "nothing acts on the arguments yet")]
mod args;
#[cfg_attr(
    not(test),
    expect(dead_code, unused_imports, reason = "the commands that draw and print come next")
)]
mod render;

fn main() {
    if let Err(e) = args::Cli::read(std::env::args_os()) {
        e.exit();
    }
}
