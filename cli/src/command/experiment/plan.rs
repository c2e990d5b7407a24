//! What is to be measured, and all that decides a bit of it.

use std::collections::BTreeMap;

use ntk::Result;
use ntk::data::{DataFolder, dataset};
use ntk::experiment::{Config, Origin, Protocol, Request, Run, Scale, named};
use serde_json::{Map, Value, json};

use super::account::Stored;
use crate::args::{self, Format};
use crate::command::inputs::Limits;
use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::render::quantity;
use crate::render::summary::{Row, Summary};
use crate::render::terminal::{self, Style};

/// The settings of a run, written out.
pub(super) const CONFIG: &str = "config.toml";

/// A run to be.
pub(crate) struct Plan {
    pub(super) protocol: Box<dyn Protocol>,
    pub(super) config: Config,
    pub(super) run: Box<dyn Run>,
    /// SHA-256 of every data set that is asked for.
    pub(super) digests: BTreeMap<String, String>,
    /// Of the program whose numbers these are.
    pub(super) version: String,
    pub(super) data: DataFolder,
    pub(super) limits: Limits,
    /// What a user should know.
    pub(super) notes: Vec<String>,
}

impl Plan {
    /// What is asked for, with the data read and known by its digest.
    ///
    /// # Errors
    /// Whatever is wrong with name, settings or data: nothing was written then.
    pub(super) fn read(name: &str, request: &Request<'_>, data: &args::DataDir, typed: &args::Machine) -> Result<Self> {
        let protocol = named(name)?;
        let config = Config::resolve(&*protocol, request)?;
        let run = config.run(&*protocol)?;
        let data = machine::data_folder(data);
        let digest = |name: String| Ok((name.clone(), dataset::source_digest(&data.source(&name)?)?));
        let digests = run.data().into_iter().map(digest).collect::<Result<_>>()?;
        let mut notes = Vec::new();
        let available = machine::available_memory();
        if typed.memory.0 > available {
            notes.push(format!(
                "--memory {} is more than the system has to give; its {} are the limit",
                typed.memory,
                quantity::bytes(available)
            ));
        }
        let limits = Limits {
            memory: typed.memory.0.min(available),
            threads: machine::threads(typed.threads.threads, &mut notes),
        };
        Ok(Self { protocol, config, run, digests, version: env!("CARGO_PKG_VERSION").into(), data, limits, notes })
    }

    /// The run of a folder as it was measured: nothing but its own files is read.
    ///
    /// # Errors
    /// Settings that are not those it was measured with.
    pub(super) fn stored(stored: &Stored) -> Result<Self> {
        let protocol = named(&stored.experiment)?;
        let file = stored.folder.join(CONFIG);
        let config = Config::resolve(&*protocol, &Request { file: Some(&file), ..Request::default() })?;
        let run = config.run(&*protocol)?;
        let plan = Self {
            protocol,
            config,
            run,
            digests: stored.digests.clone(),
            version: stored.version.clone(),
            data: DataFolder::none(),
            limits: Limits { memory: 0, threads: machine::cores() },
            notes: Vec::new(),
        };
        stored.same(&plan.configuration())?;
        Ok(plan)
    }

    /// The experiment's name.
    pub(super) fn name(&self) -> &'static str {
        self.config.experiment
    }

    /// All that decides a bit: equal ones give equal results.
    pub(super) fn configuration(&self) -> Map<String, Value> {
        let mut all = Map::new();
        all.insert("experiment".into(), json!(self.name()));
        all.insert("revision".into(), json!(self.protocol.about().revision));
        all.insert("version".into(), json!(self.version));
        all.insert("scale".into(), json!(self.config.scale.name()));
        all.extend(
            self.config.values.iter().map(|assigned| (format!("settings.{}", assigned.name), json!(assigned.value))),
        );
        all.extend(self.digests.iter().map(|(name, digest)| (format!("data {name}"), json!(digest))));
        all
    }

    /// What every task's numbers depend on beside what the task says.
    pub(super) fn context(&self) -> String {
        let digests: Vec<String> = self.digests.iter().map(|(name, digest)| format!("{name} {digest}")).collect();
        format!("ntk {} {}", self.version, digests.join(" "))
    }

    /// How long it takes on the threads at hand; none where the settings are not those of a scale.
    pub(super) fn seconds(&self) -> Option<f64> {
        let typical =
            self.config.values.iter().all(|assigned| {
                matches!(assigned.origin, Origin::Default | Origin::Scale(_)) || assigned.name == "seeds"
            });
        let seconds = self.protocol.about().seconds[self.config.scale as usize];
        typical.then(|| 2.0 * seconds / self.limits.threads as f64)
    }

    /// `ntk run --dry-run`
    pub(super) fn tell(&self, format: Format) -> Outcome {
        let units = self.run.tasks();
        let seconds = self.seconds();
        if format == Format::Json {
            let tasks: Vec<Value> = units.iter().map(|unit| json!({ "name": unit.name, "cost": unit.cost })).collect();
            return super::print(&json!({
                "experiment": self.name(),
                "scale": self.config.scale.name(),
                "settings": self.run.settings(),
                "data": self.digests,
                "tasks": tasks,
                "seconds": seconds,
                "threads": self.limits.threads,
            }));
        }
        let time = seconds.map_or("not known for these settings".to_owned(), quantity::whole_seconds);
        let mut rows = vec![
            Row::new("tasks", quantity::count(units.len() as u64), ""),
            Row::new("time", time, format!("roughly, on {}", self.limits.threads_text())),
        ];
        rows.extend(self.digests.keys().map(|name| Row::new("data", name, "")));
        rows.extend(self.config.values.iter().map(|a| Row::new(a.name, a.value.to_string(), a.origin.to_string())));
        self.notes.iter().for_each(|note| eprintln!("note: {note}"));
        let title = format!("{} at {} scale would be measured", self.name(), self.config.scale.name());
        let page = Summary { title, rows, ..Summary::default() };
        terminal::print(&page.render(&Style::detect())).map_err(Failure::Output)
    }

    /// Whether the verdicts are only indicative.
    pub(super) fn indicative(&self) -> bool {
        self.config.scale == Scale::Quick
    }
}
