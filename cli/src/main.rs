//! The command line of the Neural Tangent Kernel toolbox.

use std::ffi::OsString;
use std::process::ExitCode;

mod args;
mod command;
mod failure;
mod machine;
mod render;
mod signals;
mod store;

use args::{Cli, Command};
use failure::Failure;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let json = Cli::wants_json(&arguments);
    let command = match Cli::read(&arguments) {
        Ok(command) => command,
        Err(error) if error.use_stderr() => {
            let failure = Failure::usage(&error, &arguments);
            failure.report(json);
            return ExitCode::from(failure.code());
        }
        Err(error) => {
            // Help and version. A closed standard output is no failure.
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
    };
    let outcome = match command {
        Command::Kernel(typed) => command::kernel::run(&typed, &arguments),
        Command::Infinite(arguments) => command::infinite::run(&arguments),
        Command::Predict(arguments) => command::predict::run(&arguments),
        Command::Converge(arguments) => command::converge::run(&arguments),
        Command::Phase(arguments) => command::phase::run(&arguments),
        Command::Spectrum(arguments) => command::spectrum::run(&arguments),
        Command::Sharpness(arguments) => command::curvature::sharpness::run(&arguments),
        Command::Hvp(arguments) => command::curvature::hvp::run(&arguments),
        Command::Density(arguments) => command::curvature::density::run(&arguments),
        Command::Bench(arguments) => command::bench::run(&arguments),
        Command::Train(typed) => command::train::run(&typed, &arguments),
        Command::Landscape(arguments) => command::landscape::run(&arguments),
        Command::DescribeModel(arguments) => command::describe_model::run(&arguments),
        Command::Tape(arguments) => command::tape::run(&arguments),
        Command::Import(arguments) => command::import::run(&arguments),
        Command::List(arguments) => command::list::run(&arguments),
        Command::Describe(arguments) => command::experiment::describe::run(&arguments),
        Command::Run(typed) => command::experiment::run(&typed, &arguments),
        Command::Resume(typed) => command::experiment::resume(&typed, &arguments),
        Command::Report(arguments) => command::experiment::report(&arguments),
        Command::Compare(arguments) => command::experiment::compare::run(&arguments),
        Command::Config(arguments) => command::experiment::describe::config(&arguments),
        Command::Data(arguments) => command::data::run(&arguments),
        Command::Completions(arguments) => command::shell::completions(&arguments),
        Command::Man(arguments) => command::shell::man(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report(json);
            ExitCode::from(failure.code())
        }
    }
}
