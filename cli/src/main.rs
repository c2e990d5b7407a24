//! The command line of the Neural Tangent Kernel toolbox.

use std::ffi::OsString;
use std::process::ExitCode;

mod args;
mod command;
mod failure;
mod machine;
mod render;
mod signals;

use args::{Cli, Command};
use render::terminal;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let json = Cli::wants_json(&arguments);
    let command = match Cli::read(&arguments) {
        Ok(command) => command,
        Err(error) if json && error.use_stderr() => {
            let message = error.render().to_string();
            let error = serde_json::json!({ "error": { "code": 2, "kind": "usage", "message": message.trim_end(),
                "hint": "see ntk --help", "path": null, "line": null } });
            let _ = terminal::print(&format!("{error:#}\n"));
            return ExitCode::from(2);
        }
        Err(error) => {
            // Help and version end with 0. A closed standard output is no failure.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let outcome = match command {
        Command::Kernel(arguments) => command::kernel::run(&arguments),
        Command::Spectrum(arguments) => command::spectrum::run(&arguments),
        Command::DescribeModel(arguments) => command::describe_model::run(&arguments),
        Command::List(arguments) => command::list::run(&arguments),
        Command::Completions(arguments) => command::shell::completions(&arguments),
        Command::Man(arguments) => command::shell::man(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if json {
                let _ = terminal::print(&format!("{:#}\n", failure.json()));
            } else {
                eprintln!("error: {failure}");
            }
            ExitCode::from(failure.code())
        }
    }
}
