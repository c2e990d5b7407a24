//! A training that is there already, to be gone on with.

use std::ffi::OsString;
use std::path::Path;

use autodiff::Float;
use ntk::data::Element;
use ntk::train::Checkpoint;
use ntk::{Error, Result};
use serde_json::{Map, Value};

use super::journal::CHECKPOINT;
use crate::args::{Command, Train};
use crate::store::recipe::{Kind, Recipe};

/// How trainings go on.
const TRAINING: Kind = Kind {
    command: "train",
    noun: "training",
    free: &["resume", "out", "threads", "memory", "format", "no_report", "checkpoint_every"],
    finished: |folder| {
        format!("train further from its weights: --weights {}", folder.join("weights.safetensors").display())
    },
    fork: |folder| format!("train with --weights {}", folder.join(CHECKPOINT).display()),
};

/// What a folder says of its training.
pub(super) struct Stored(pub(super) Recipe);

impl Stored {
    /// Reads the folder, and compares what was typed beside `--resume` with its command.
    pub(super) fn read(folder: &Path, arguments: &[OsString]) -> Result<Self> {
        Recipe::read(&TRAINING, folder, arguments).map(Self)
    }

    /// The flags of the stored command; what changes no number may have been typed anew.
    pub(super) fn flags(&self, typed: &Train) -> Result<Train> {
        let Command::Train(mut flags) = self.0.command()? else {
            return Err(Error::Bug("a training's command is none".into()));
        };
        let (now, recipe) = (typed.clone(), &self.0);
        flags.machine.memory = recipe.free("memory", now.machine.memory, flags.machine.memory);
        flags.machine.threads = recipe.free("threads", now.machine.threads, flags.machine.threads);
        flags.output.format = now.output.format;
        flags.output.no_report = recipe.free("no_report", now.output.no_report, flags.output.no_report);
        flags.checkpoint_every = recipe.free("checkpoint_every", now.checkpoint_every, flags.checkpoint_every);
        flags.resume = now.resume;
        Ok(*flags)
    }

    /// The last checkpoint, none where the training had none yet; the configuration must be what it was.
    pub(super) fn checkpoint<R: Float + Element>(
        &self,
        now: &Map<String, Value>,
        names: &[String],
    ) -> Result<Option<Checkpoint<R>>> {
        let path = self.0.folder.join(CHECKPOINT);
        self.0.same(now)?;
        if !path.exists() {
            return Ok(None);
        }
        let found = Checkpoint::<R>::read(&path, names)?;
        if let Ok(Value::Object(then)) = serde_json::from_str(&found.configuration) {
            self.0.agree(&then, now)?;
        }
        Ok(Some(found))
    }
}
