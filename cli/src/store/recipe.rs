//! What a folder's work is, so that it can be gone on with: the words of its command, and everything that decides a bit.
//!
//! Both stand in `config.json`, which is written before the work begins. Going on reads the command from there, compares
//! what is typed beside `--resume` with it, and, once model and data are read, the configuration with what it is now: digests
//! of data and weights, settings, version. What differs is shown by name and refused.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Parser;
use ntk::{Error, Result};
use serde_json::{Map, Value, json};

use super::folder::{FolderError, OutputFolder};
use crate::args::{Cli, Command};

/// The file.
pub(crate) const FILE: &str = "config.json";
/// Version of its content.
const SCHEMA: u32 = 1;
/// The longest that is read.
const LONGEST: u64 = 4 << 20;

/// A kind of work that can be gone on with.
#[derive(Debug)]
pub(crate) struct Kind {
    /// Its command: `train`.
    pub(crate) command: &'static str,
    /// What it is called: `training`.
    pub(crate) noun: &'static str,
    /// Flags that change no number, by their identifiers: they may differ when it goes on.
    pub(crate) free: &'static [&'static str],
    /// What to do with one that is finished.
    pub(crate) finished: fn(&Path) -> String,
    /// What to do in place of going on with another configuration.
    pub(crate) fork: fn(&Path) -> String,
}

/// What a folder says of its work.
#[derive(Debug)]
pub(crate) struct Recipe {
    kind: &'static Kind,
    /// Where it is.
    pub(crate) folder: PathBuf,
    /// The words of its command.
    pub(crate) words: Vec<String>,
    /// All that decides a bit of it.
    pub(crate) configuration: Map<String, Value>,
    /// Flags that were typed beside `--resume`, by their identifiers.
    typed: Vec<String>,
}

/// A command as it was typed, with its name.
pub(crate) fn words(arguments: &[OsString]) -> Vec<String> {
    let mut words = vec!["ntk".to_owned()];
    words.extend(arguments.iter().skip(1).map(|word| word.to_string_lossy().into_owned()));
    if words.len() == 1 {
        words.push("kernel".to_owned());
    }
    words
}

/// Writes down what the work of a folder is.
///
/// # Errors
/// As [`OutputFolder::write`].
pub(crate) fn store(
    folder: &OutputFolder,
    words: &[String],
    configuration: &Map<String, Value>,
) -> std::result::Result<(), FolderError> {
    let all = json!({ "schema": SCHEMA, "command": words, "configuration": configuration });
    folder.write(FILE, format!("{all:#}\n").as_bytes()).map(|_| ())
}

impl Recipe {
    /// Reads that of a folder, and compares what was typed beside `--resume` with its command.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is no such work, where it is finished, and where a flag says something else;
    /// [`Error::Store`] where it cannot be read.
    pub(crate) fn read(kind: &'static Kind, folder: &Path, arguments: &[OsString]) -> Result<Self> {
        let (path, Kind { command, noun, .. }) = (folder.join(FILE), kind);
        if !path.is_file() {
            return Err(Error::usage(
                format!("{} has no {FILE}, so it is no {noun}", folder.display()),
                format!("name the folder of an `ntk {command}` that was interrupted"),
            ));
        }
        if folder.join("result.json").exists() {
            let what = format!("the {noun} in {} is finished", folder.display());
            return Err(Error::usage(what, (kind.finished)(folder)));
        }
        let read = |source| Error::Read { path: path.clone(), source };
        if std::fs::metadata(&path).map_err(read)?.len() > LONGEST {
            return Err(kind.damaged(folder, "is too long for a configuration"));
        }
        let text = std::fs::read(&path).map_err(read)?;
        let all: Value =
            serde_json::from_slice(&text).map_err(|e| kind.damaged(folder, format!("cannot be read: {e}")))?;
        if all["schema"] != SCHEMA {
            return Err(kind.damaged(folder, format!("is of version {}, this program reads {SCHEMA}", all["schema"])));
        }
        let words = all["command"].as_array().map(|words| words.iter().filter_map(Value::as_str).map(str::to_owned));
        let (Some(words), Some(configuration)) = (words, all["configuration"].as_object()) else {
            return Err(kind.damaged(folder, "lacks the command or the configuration"));
        };
        let words: Vec<String> = words.collect();
        if words.get(1).map(String::as_str) != Some(command) {
            return Err(Error::usage(
                format!("{} is of another command: {}", folder.display(), words.join(" ")),
                format!("name the folder of an `ntk {command}` that was interrupted"),
            ));
        }
        let old: Vec<OsString> = words.iter().map(OsString::from).collect();
        let compared = Cli::compare(command, &old, arguments, kind.free)
            .map_err(|e| kind.damaged(folder, format!("has a command that cannot be read: {e}")))?;
        let (configuration, typed) = (configuration.clone(), compared.typed);
        let recipe = Self { kind, folder: folder.to_owned(), words, configuration, typed };
        if compared.changes.is_empty() { Ok(recipe) } else { Err(recipe.differs(&compared.changes)) }
    }

    /// Its command, as it was typed at first.
    ///
    /// # Errors
    /// [`Error::Store`] where it is none.
    pub(crate) fn command(&self) -> Result<Command> {
        match Cli::try_parse_from(&self.words) {
            Ok(Cli { command: Some(command) }) => Ok(command),
            _ => Err(self.kind.damaged(&self.folder, "has a command that cannot be read")),
        }
    }

    /// What was typed beside `--resume` for a flag that is free, else what it was at first.
    pub(crate) fn free<T>(&self, flag: &str, now: T, then: T) -> T {
        if self.typed.iter().any(|typed| typed == flag) { now } else { then }
    }

    /// Refuses a configuration that is not what it was.
    ///
    /// # Errors
    /// [`Error::Usage`] with what differs, name by name.
    pub(crate) fn same(&self, now: &Map<String, Value>) -> Result<()> {
        self.agree(&self.configuration, now)
    }

    /// The same of a configuration that was stored elsewhere.
    ///
    /// # Errors
    /// As [`Recipe::same`].
    pub(crate) fn agree(&self, then: &Map<String, Value>, now: &Map<String, Value>) -> Result<()> {
        let word = |map: &Map<String, Value>, key: &str| {
            map.get(key).map_or_else(|| "not there".to_owned(), |value| value.to_string())
        };
        let keys: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
        let changes: Vec<[String; 3]> = keys
            .into_iter()
            .filter(|key| then.get(*key) != now.get(*key))
            .map(|key| [key.clone(), word(then, key), word(now, key)])
            .collect();
        if changes.is_empty() { Ok(()) } else { Err(self.differs(&changes)) }
    }

    /// What differs, in a table.
    fn differs(&self, changes: &[[String; 3]]) -> Error {
        let lines: Vec<String> =
            changes.iter().map(|[name, there, here]| format!("  {name}: {there} there, {here} here")).collect();
        let (folder, noun) = (self.folder.display(), self.kind.noun);
        Error::usage(
            format!("the {noun} in {folder} is another one:\n{}", lines.join("\n")),
            format!("leave these flags out to go on, or branch off: {}", (self.kind.fork)(&self.folder)),
        )
    }
}

impl Kind {
    fn damaged(&self, folder: &Path, what: impl Into<String>) -> Error {
        Error::Store {
            path: folder.join(FILE),
            what: what.into(),
            remedy: format!("run the command of the {} again in a new folder", self.noun),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind {
        command: "train",
        noun: "training",
        free: &["resume", "out", "threads"],
        finished: |_| "train further".into(),
        fork: |folder| format!("train from {}", folder.display()),
    };

    fn arguments(words: &str) -> Vec<OsString> {
        words.split_whitespace().map(OsString::from).collect()
    }

    fn refused(folder: &Path, words: &str) -> Error {
        Recipe::read(&KIND, folder, &arguments(words)).unwrap_err()
    }

    #[test]
    fn what_was_written_is_read_and_what_differs_is_told() {
        let home = tempfile::tempdir().unwrap();
        let place = home.path().join("t");
        let folder = OutputFolder::create(Some(place.clone()), "train").unwrap();
        let Value::Object(mut all) = json!({ "lr": 0.1, "data_digest": "a" }) else { unreachable!() };
        store(&folder, &words(&arguments("ntk train --lr 0.1 --threads 2")), &all).unwrap();
        let recipe = Recipe::read(&KIND, &place, &arguments("ntk train --resume t --lr 0.1 --threads 3")).unwrap();
        assert!(recipe.same(&all).is_ok());
        assert_eq!((recipe.free("threads", 3, 2), recipe.free("memory", 3, 2)), (3, 2));
        assert!(matches!(recipe.command(), Ok(Command::Train(train)) if train.lr == 0.1));
        all.insert("data_digest".into(), json!("b"));
        all.insert("new".into(), json!(1));
        let error = recipe.same(&all).unwrap_err();
        let text = error.to_string();
        assert_eq!(error.code(), 2);
        assert!(text.contains("data_digest: \"a\" there, \"b\" here\n  new: not there there, 1 here"), "{text}");
        assert!(text.contains("branch off: train from"), "{text}");
        let error = refused(&place, "ntk train --resume t --lr 0.2");
        assert!(error.code() == 2 && error.to_string().contains("--lr: 0.1 there, 0.2 here"), "{error}");
    }

    #[test]
    fn what_is_no_such_work_is_finished_or_is_damaged_is_told_apart() {
        let home = tempfile::tempdir().unwrap();
        let words = "ntk train --resume t";
        let error = refused(home.path(), words);
        assert!(error.code() == 2 && error.to_string().contains("it is no training"), "{error}");
        for (text, code, answer) in [
            (r#"{"schema": 1, "command": ["ntk", "kernel"], "configuration": {}}"#, 2, "another command: ntk kernel"),
            (r#"{"schema": 1, "command": ["ntk", "train", "--lrr"], "configuration": {}}"#, 6, "cannot be read"),
            (r#"{"schema": 2}"#, 6, "is of version 2"),
            (r#"{"schema": 1}"#, 6, "lacks the command"),
            (r#"{"schema": 1, "#, 6, "cannot be read"),
            ("", 6, "cannot be read"),
        ] {
            std::fs::write(home.path().join(FILE), text).unwrap();
            let error = refused(home.path(), words);
            assert!(error.code() == code && error.to_string().contains(answer), "{error}");
        }
        std::fs::write(home.path().join("result.json"), "{}").unwrap();
        let error = refused(home.path(), words).to_string();
        assert!(error.contains("is finished") && error.ends_with("train further"), "{error}");
    }
}
