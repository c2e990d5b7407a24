//! Two command lines beside each other: that of work that is there, and that which goes on with it.

use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory};

use super::Cli;

/// What a later command line says beside an earlier one.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    /// Flags that were typed and say something else: name, there, here.
    pub(crate) changes: Vec<[String; 3]>,
    /// Free flags that were typed, by their identifiers.
    pub(crate) typed: Vec<String>,
}

impl Cli {
    /// Compares the flags of `command` that were typed in `new` with those of `old`; `free` ones may differ.
    ///
    /// # Errors
    /// A command line that cannot be read.
    pub(crate) fn compare(
        command: &str,
        old: &[OsString],
        new: &[OsString],
        free: &[&str],
    ) -> Result<Compared, clap::Error> {
        let read = |arguments: &[OsString]| Cli::command().try_get_matches_from(arguments);
        let (old, new) = (read(old)?, read(new)?);
        let (Some((_, old)), Some((_, new))) = (old.subcommand(), new.subcommand()) else {
            return Ok(Compared::default());
        };
        let words = |matches: &ArgMatches, id: &str| {
            let raw = matches.try_get_raw(id).ok().flatten();
            let words: Vec<String> =
                raw.into_iter().flatten().map(|word| word.to_string_lossy().into_owned()).collect();
            if words.is_empty() { "not given".to_owned() } else { words.join(",") }
        };
        let cli = Cli::command();
        let mut compared = Compared::default();
        for flag in cli.find_subcommand(command).into_iter().flat_map(clap::Command::get_arguments) {
            let id = flag.get_id().as_str();
            if new.value_source(id) != Some(ValueSource::CommandLine) {
                continue;
            }
            let [there, here] = [old, new].map(|matches| words(matches, id));
            if free.contains(&id) {
                compared.typed.push(id.to_owned());
            } else if there != here {
                compared.changes.push([format!("--{}", flag.get_long().unwrap_or(id)), there, here]);
            }
        }
        Ok(compared)
    }
}
