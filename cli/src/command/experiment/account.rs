//! `run.json`: what a run is, what became of it, and how to go on with it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use ntk::data::file::write_aside;
use ntk::{Error, Result};
use serde_json::{Map, Value, json};

use super::plan::Plan;
use crate::machine;
use crate::store::folder::OutputFolder;

/// The file.
pub(super) const FILE: &str = "run.json";
/// Version of its content.
const SCHEMA: u32 = 1;
/// The longest that is read.
const LONGEST: u64 = 16 << 20;

/// What a run tells of itself while it goes on.
#[derive(Clone)]
pub(super) struct Account {
    folder: PathBuf,
    head: Map<String, Value>,
    /// Earlier stretches of work at it.
    sessions: Vec<Value>,
    begun: Instant,
    began: u64,
    threads: usize,
    total: usize,
    /// Tasks that are finished, and how many of them now.
    pub(super) finished: usize,
    pub(super) now: usize,
}

impl Account {
    /// Of a new run.
    pub(super) fn new(plan: &Plan, folder: &OutputFolder, words: Vec<String>) -> Self {
        let mut head = Map::new();
        head.insert("schema".into(), json!(SCHEMA));
        head.insert("experiment".into(), json!(plan.name()));
        head.insert("scale".into(), json!(plan.config.scale.name()));
        head.insert("seeds".into(), json!(plan.config.table().get("seeds")));
        head.insert("version".into(), json!(plan.version));
        head.insert("git_revision".into(), json!(option_env!("NTK_REVISION")));
        head.insert("command".into(), json!(words));
        head.insert("configuration".into(), Value::Object(plan.configuration()));
        head.insert("data".into(), json!(plan.digests));
        Self::of(head, Vec::new(), plan, folder)
    }

    /// Of a run that is there.
    pub(super) fn again(stored: &Stored, plan: &Plan, folder: &OutputFolder) -> Self {
        let sessions = stored.all.get("sessions").and_then(Value::as_array).cloned().unwrap_or_default();
        let keys =
            ["schema", "experiment", "scale", "seeds", "version", "git_revision", "command", "configuration", "data"];
        let head = keys.iter().filter_map(|&key| Some((key.to_owned(), stored.all.get(key)?.clone()))).collect();
        Self::of(head, sessions, plan, folder)
    }

    fn of(head: Map<String, Value>, sessions: Vec<Value>, plan: &Plan, folder: &OutputFolder) -> Self {
        Self {
            folder: folder.path().to_owned(),
            head,
            sessions,
            begun: Instant::now(),
            began: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            threads: plan.limits.threads,
            total: plan.run.tasks().len(),
            finished: 0,
            now: 0,
        }
    }

    /// Seconds of work at it, all stretches together.
    pub(super) fn seconds(&self) -> f64 {
        let earlier: f64 = self.sessions.iter().filter_map(|session| session["seconds"].as_f64()).sum();
        earlier + self.begun.elapsed().as_secs_f64()
    }

    /// How to go on.
    pub(super) fn resume(&self) -> String {
        let folder = self.folder.display();
        format!("{} of {} tasks are kept in {folder}; go on with: ntk resume {folder}", self.finished, self.total)
    }

    fn value(&self, status: &str, error: Option<String>) -> Value {
        let mut all = self.head.clone();
        let mut sessions = self.sessions.clone();
        sessions.push(json!({
            "started_unix_seconds": self.began,
            "seconds": self.begun.elapsed().as_secs_f64(),
            "tasks": self.now,
            "threads": self.threads,
            "host": machine::host(),
            "processor": machine::processor(),
            "peak_memory_bytes": machine::peak_memory(),
        }));
        all.insert("status".into(), json!(status));
        all.insert("error".into(), json!(error));
        all.insert("tasks".into(), json!({ "all": self.total, "finished": self.finished }));
        all.insert("sessions".into(), Value::Array(sessions));
        let resume = format!("ntk resume {}", self.folder.display());
        all.insert("resume".into(), if status == "finished" { Value::Null } else { json!(resume) });
        Value::Object(all)
    }

    fn put(&self, status: &str, error: Option<String>) -> Result<()> {
        let text = format!("{:#}\n", self.value(status, error));
        write_aside(&self.folder.join(FILE), |to| std::io::Write::write_all(to, text.as_bytes()))
    }

    /// Writes it down.
    ///
    /// # Errors
    /// [`Error::Write`]
    pub(super) fn write(&self, status: &str) -> Result<()> {
        self.put(status, None)
    }

    /// Writes down why it ended.
    ///
    /// # Errors
    /// [`Error::Write`]
    pub(super) fn fail(&self, error: &Error) -> Result<()> {
        self.put("failed", Some(error.to_string()))
    }
}

/// What a folder says of its run.
pub(super) struct Stored {
    pub(super) folder: PathBuf,
    pub(super) experiment: String,
    pub(super) version: String,
    pub(super) digests: BTreeMap<String, String>,
    pub(super) all: Map<String, Value>,
    configuration: Map<String, Value>,
}

impl Stored {
    /// Reads it.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is no run, [`Error::Store`] where what it says of itself cannot be read.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        if !path.is_file() {
            let what = format!("{} has no {FILE}, so it is no run", folder.display());
            return Err(Error::usage(what, "name the folder of an `ntk run`"));
        }
        let damaged = |what: String| Error::Store {
            path: path.clone(),
            what,
            remedy: "run the experiment in a new folder; the tasks' files are in tasks/".into(),
        };
        let read = |source| Error::Read { path: path.clone(), source };
        if std::fs::metadata(&path).map_err(read)?.len() > LONGEST {
            return Err(damaged("is too long".into()));
        }
        let text = std::fs::read(&path).map_err(read)?;
        let all: Value = serde_json::from_slice(&text).map_err(|e| damaged(format!("cannot be read: {e}")))?;
        if all["schema"] != SCHEMA {
            return Err(damaged(format!("is of schema version {}, this program reads {SCHEMA}", all["schema"])));
        }
        let word = |key: &str| all[key].as_str().map(str::to_owned);
        let (Some(experiment), Some(version), Some(configuration), Some(data)) =
            (word("experiment"), word("version"), all["configuration"].as_object(), all["data"].as_object())
        else {
            return Err(damaged("lacks experiment, version, configuration or data".into()));
        };
        let digest = |(name, digest): (&String, &Value)| (name.clone(), digest.as_str().unwrap_or_default().to_owned());
        Ok(Self {
            folder: folder.to_owned(),
            experiment,
            version,
            digests: data.iter().map(digest).collect(),
            configuration: configuration.clone(),
            all: all.as_object().cloned().unwrap_or_default(),
        })
    }

    /// What differs between what the folder says and a configuration: name, there, here.
    pub(super) fn changes(&self, now: &Map<String, Value>) -> Vec<[String; 3]> {
        changes(&self.configuration, now)
    }

    /// Refuses a configuration that is not what it was.
    ///
    /// # Errors
    /// [`Error::Usage`] with what differs, name by name.
    pub(super) fn same(&self, now: &Map<String, Value>) -> Result<()> {
        let changes = self.changes(now);
        if changes.is_empty() {
            return Ok(());
        }
        let lines: Vec<String> =
            changes.iter().map(|[name, there, here]| format!("  {name}: {there} there, {here} here")).collect();
        let folder = self.folder.display();
        Err(Error::usage(
            format!("the run in {folder} is another one:\n{}", lines.join("\n")),
            format!("undo this to go on, or begin anew with what both share: ntk resume {folder} --fork"),
        ))
    }

    /// Refuses a run that is finished, unless it was killed in its last moment.
    ///
    /// # Errors
    /// [`Error::Usage`]
    pub(super) fn unfinished(&self) -> Result<()> {
        let folder = self.folder.display();
        if self.all["status"] == "finished" && !self.folder.join(".unfinished").exists() {
            return Err(Error::usage(
                format!("the run in {folder} is finished"),
                format!("judge and draw it again with: ntk report {folder}"),
            ));
        }
        Ok(())
    }

    /// All that decides a bit of it.
    pub(super) fn configuration(&self) -> &Map<String, Value> {
        &self.configuration
    }

    /// The runs of an experiment in `runs`, the latest first.
    pub(super) fn of(experiment: &str) -> Vec<Self> {
        let entries = std::fs::read_dir("runs").into_iter().flatten().flatten().map(|entry| entry.path());
        let mut all: Vec<Self> = entries
            .filter_map(|folder| Self::read(&folder).ok())
            .filter(|stored| stored.experiment == experiment)
            .collect();
        let began = |stored: &Self| {
            let sessions = stored.all.get("sessions").and_then(Value::as_array).cloned().unwrap_or_default();
            sessions.last().and_then(|session| session["started_unix_seconds"].as_u64()).unwrap_or(0)
        };
        all.sort_by_key(|stored| (std::cmp::Reverse(began(stored)), std::cmp::Reverse(stored.folder.clone())));
        all
    }

    /// The claims that it judged, with their verdicts; none if it is not finished.
    pub(super) fn claims(&self) -> Option<Vec<Value>> {
        let text = std::fs::read(self.folder.join("results.json")).ok()?;
        serde_json::from_slice::<Value>(&text).ok()?["claims"].as_array().cloned()
    }

    /// What is known of its status.
    pub(super) fn status(&self) -> &str {
        self.all["status"].as_str().unwrap_or("unknown")
    }
}

/// What differs between two configurations: name, there, here.
pub(super) fn changes(then: &Map<String, Value>, now: &Map<String, Value>) -> Vec<[String; 3]> {
    let word =
        |map: &Map<String, Value>, key: &str| map.get(key).map_or_else(|| "not there".to_owned(), Value::to_string);
    let keys: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let differs = |key: &&String| then.get(*key) != now.get(*key);
    keys.into_iter().filter(differs).map(|key| [key.clone(), word(then, key), word(now, key)]).collect()
}
