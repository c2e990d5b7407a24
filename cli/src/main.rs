//! skeleton
#[allow(dead_code, reason = "nothing acts on the arguments yet")]
mod args;

fn main() {
    if let Err(e) = args::Cli::read(std::env::args_os()) {
        e.exit();
    }
}
