//! `ntk completions` and `ntk man`: what clap knows of the arguments, for shells and readers.

use clap::CommandFactory;

use crate::args::{Cli, Completions, Man};
use crate::failure::{Failure, Outcome};
use crate::render::terminal;

/// Prints a completion script.
pub(crate) fn completions(arguments: &Completions) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "ntk", &mut script);
    terminal::print(&String::from_utf8_lossy(&script)).map_err(Failure::Output)
}

/// Prints a manual page.
pub(crate) fn man(arguments: &Man) -> Outcome {
    let mut program = Cli::command();
    program.build();
    let page = match &arguments.command {
        None => program,
        Some(name) => program.find_subcommand(name).cloned().unwrap_or(program),
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text).map_err(Failure::Output)?;
    terminal::print(&String::from_utf8_lossy(&text)).map_err(Failure::Output)
}
