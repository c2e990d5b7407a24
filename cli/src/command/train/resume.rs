//! A training that is there already, to be gone on with.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use autodiff::Float;
use clap::Parser;
use ntk::data::Element;
use ntk::train::Checkpoint;
use ntk::{Error, Result};
use serde_json::{Map, Value};

use super::job::{CONFIGURATION, SCHEMA};
use super::journal::CHECKPOINT;
use crate::args::{Cli, Command, Train};

/// What a folder says of its training.
pub(super) struct Stored {
    pub(super) folder: PathBuf,
    pub(super) words: Vec<String>,
    configuration: Map<String, Value>,
}

/// The longest `config.json` that is read.
const LONGEST: u64 = 4 << 20;

impl Stored {
    /// Reads the folder, and compares what was typed beside `--resume` with its command.
    pub(super) fn read(folder: &Path, typed: &[OsString]) -> Result<Self> {
        let path = folder.join(CONFIGURATION);
        let no_training = |what: String| Error::usage(what, "name the folder of an `ntk train` that was interrupted");
        if !path.is_file() {
            return Err(no_training(format!("{} has no {CONFIGURATION}, so it is no training", folder.display())));
        }
        if folder.join("result.json").exists() {
            return Err(Error::usage(
                format!("the training in {} is finished", folder.display()),
                format!("train further from its weights: --weights {}", folder.join("weights.safetensors").display()),
            ));
        }
        let damaged = |what: String| Error::Store {
            path: path.clone(),
            what,
            remedy: "run the command of the training again in a new folder".into(),
        };
        let read = |source| Error::Read { path: path.clone(), source };
        if std::fs::metadata(&path).map_err(read)?.len() > LONGEST {
            return Err(damaged("is too long for a configuration".into()));
        }
        let text = std::fs::read(&path).map_err(read)?;
        let all: Value = serde_json::from_slice(&text).map_err(|e| damaged(format!("cannot be read: {e}")))?;
        if all["schema"] != SCHEMA {
            return Err(damaged(format!("is of version {}, this program reads {SCHEMA}", all["schema"])));
        }
        let words = all["command"].as_array().map(|words| words.iter().filter_map(Value::as_str).map(str::to_owned));
        let (Some(words), Some(configuration)) = (words, all["configuration"].as_object()) else {
            return Err(damaged("lacks the command or the configuration".into()));
        };
        let stored = Self { folder: folder.to_owned(), words: words.collect(), configuration: configuration.clone() };
        let old: Vec<OsString> = stored.words.iter().map(OsString::from).collect();
        let changes =
            Train::changes(&old, typed).map_err(|e| damaged(format!("has a command that cannot be read: {e}")))?;
        match changes.is_empty() {
            true => Ok(stored),
            false => Err(stored.differs(&changes)),
        }
    }

    /// The flags of the stored command; what changes no number is taken from the new one.
    pub(super) fn flags(&self, typed: &Train) -> Result<Train> {
        let Ok(Cli { command: Some(Command::Train(stored)) }) = Cli::try_parse_from(&self.words) else {
            return Err(Error::Store {
                path: self.folder.join(CONFIGURATION),
                what: "has a command that is no training".into(),
                remedy: "run the command of the training again in a new folder".into(),
            });
        };
        Ok(Train {
            machine: typed.machine.clone(),
            output: typed.output.clone(),
            checkpoint_every: typed.checkpoint_every.or(stored.checkpoint_every),
            resume: typed.resume.clone(),
            ..*stored
        })
    }

    /// The last checkpoint, none where the training had none yet; the configuration must be what it was.
    pub(super) fn checkpoint<R: Float + Element>(
        &self,
        now: &Map<String, Value>,
        names: &[String],
    ) -> Result<Option<Checkpoint<R>>> {
        let path = self.folder.join(CHECKPOINT);
        self.same(&self.configuration, now)?;
        if !path.exists() {
            return Ok(None);
        }
        let found = Checkpoint::<R>::read(&path, names)?;
        if let Ok(Value::Object(then)) = serde_json::from_str(&found.configuration) {
            self.same(&then, now)?;
        }
        Ok(Some(found))
    }

    fn same(&self, then: &Map<String, Value>, now: &Map<String, Value>) -> Result<()> {
        let keys: std::collections::BTreeSet<&String> = then.keys().chain(now.keys()).collect();
        let word = |map: &Map<String, Value>, key: &str| {
            map.get(key).map_or_else(|| "not there".to_owned(), |value| value.to_string())
        };
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
        let folder = self.folder.display();
        Error::usage(
            format!("the training in {folder} is another one:\n{}", lines.join("\n")),
            format!(
                "leave these flags out to go on, or branch off: train with --weights {}",
                self.folder.join(CHECKPOINT).display()
            ),
        )
    }
}
