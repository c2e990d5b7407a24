//! What a run is to be, from layers: defaults, scale, file, command line; each later one has the last word.
//!
//! | layer | what it says |
//! |---|---|
//! | default | every setting, at desk scale |
//! | scale | the settings that differ at `quick` or `full` |
//! | file | `experiment`, `scale`, and a table `[settings]` |
//! | `--set`, `--seeds`, `--quick`, `--full` | single settings, and the scale |
//!
//! A scale that the command line names replaces the file's. Two that contradict each other in one layer are refused, both
//! named: which of them was meant cannot be known.
//!
//! ```toml
//! experiment = "ntk-convergence"   # may be left out; another one's file is refused
//! scale = "quick"                  # may be left out
//! [settings]
//! seeds = [101, 102, 103]
//! ```

mod file;

use std::fmt;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{Parameter, Protocol, Run, Scale};
use crate::error::{Error, Result, shorten};

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The value at desk scale.
    Default,
    /// That of a scale, where it differs from desk.
    Scale(Scale),
    /// A file, at a line.
    File(PathBuf, usize),
    /// The command line, in its words.
    Typed(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::Scale(scale) => write!(f, "{} scale", scale.name()),
            Origin::File(path, line) => write!(f, "{}:{line}", path.display()),
            Origin::Typed(words) => f.write_str(words),
        }
    }
}

/// What somebody asks for.
#[derive(Clone, Debug, Default)]
pub struct Request<'r> {
    /// The scale that is named, and how.
    pub scale: Option<(Scale, &'static str)>,
    /// A file of settings.
    pub file: Option<&'r Path>,
    /// Single settings, `name=value` each.
    pub set: &'r [String],
    /// So many seeds from 0 on.
    pub seeds: Option<usize>,
}

/// A setting with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Assigned {
    /// Its name.
    pub name: &'static str,
    /// The value.
    pub value: Value,
    /// Where it came from.
    pub origin: Origin,
}

/// All settings of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The experiment's name.
    pub experiment: &'static str,
    /// How much is measured.
    pub scale: Scale,
    /// Where the scale came from.
    pub scale_origin: Origin,
    /// Every setting, in the experiment's order.
    pub values: Vec<Assigned>,
}

impl Config {
    /// Lays the layers over one another.
    ///
    /// # Errors
    /// A file that cannot be read as one, with line, column and a caret; names that are none, with the nearest; values of
    /// another kind or out of bounds; two that contradict each other in one layer.
    pub fn resolve(protocol: &dyn Protocol, request: &Request<'_>) -> Result<Self> {
        let (name, parameters) = (protocol.about().name, protocol.parameters());
        let file = request.file.map(|path| file::read(path, name, parameters)).transpose()?.unwrap_or_default();
        let typed = typed(parameters, request)?;
        let (scale, scale_origin) = match (request.scale, file.scale) {
            (Some((scale, words)), _) => (scale, Origin::Typed(words.to_owned())),
            (None, Some(given)) => given,
            (None, None) => (Scale::Desk, Origin::Default),
        };
        let assigned = |parameter: &Parameter| {
            let name = parameter.name;
            let of = |layer: &[Assigned]| layer.iter().find(|assigned| assigned.name == name).cloned();
            of(&typed).or_else(|| of(&file.values)).unwrap_or_else(|| {
                let (value, desk) = ((parameter.default)(scale), (parameter.default)(Scale::Desk));
                let origin = if value == desk { Origin::Default } else { Origin::Scale(scale) };
                Assigned { name, value, origin }
            })
        };
        Ok(Self { experiment: name, scale, scale_origin, values: parameters.iter().map(assigned).collect() })
    }

    /// The settings alone.
    pub fn table(&self) -> Table {
        self.values.iter().map(|assigned| (assigned.name.to_owned(), assigned.value.clone())).collect()
    }

    /// The experiment with these settings.
    ///
    /// # Errors
    /// Settings that do not fit each other.
    pub fn run(&self, protocol: &dyn Protocol) -> Result<Box<dyn Run>> {
        protocol.run(self.scale, &self.table())
    }

    /// A file that says all of this, with the settings' meanings; resolving it gives the same values.
    pub fn to_toml(&self, parameters: &[Parameter]) -> String {
        let mut text =
            format!("experiment = \"{}\"\nscale = \"{}\"\n\n[settings]\n", self.experiment, self.scale.name());
        for assigned in &self.values {
            if let Some(parameter) = parameters.iter().find(|parameter| parameter.name == assigned.name) {
                text.push_str(&format!("# {}\n", parameter.meaning.trim()));
            }
            text.push_str(&format!("{} = {}\n", assigned.name, assigned.value));
        }
        text
    }
}

/// The longest value of a setting that can be typed.
const LONGEST: usize = 1 << 16;
/// More seeds than this are a slip.
const MOST_SEEDS: usize = 100_000;

/// What the command line says, in its order.
fn typed(parameters: &'static [Parameter], request: &Request<'_>) -> Result<Vec<Assigned>> {
    let mut layer: Vec<Assigned> = Vec::new();
    let mut add = |parameter: &Parameter, value: Value, words: String| {
        let new = Assigned { name: parameter.name, value, origin: Origin::Typed(words) };
        match layer.iter().find(|old| old.name == new.name && old.value != new.value) {
            Some(old) => Err(Error::usage(
                format!("{} and {} contradict each other", old.origin, new.origin),
                "leave one of them out",
            )),
            None => {
                layer.push(new);
                Ok(())
            }
        }
    };
    for word in request.set {
        let words = format!("--set {}", shorten(word));
        let Some((name, text)) = word.split_once('=') else {
            return Err(Error::usage(format!("{words} has no value"), "write --set NAME=VALUE"));
        };
        let name = name.trim();
        let parameter = find(parameters, name.strip_prefix("settings.").unwrap_or(name))?;
        let value = value(text.trim(), parameter).ok_or_else(|| refused(&words, parameter))?;
        add(parameter, value, words)?;
    }
    if let Some(count) = request.seeds {
        let words = format!("--seeds {count}");
        let parameter = find(parameters, "seeds")?;
        let seeds = (count <= MOST_SEEDS).then(|| Value::Array((0..count as i64).map(Value::Integer).collect()));
        let value = seeds.and_then(|seeds| (parameter.normal)(&seeds));
        add(parameter, value.ok_or_else(|| refused(&words, parameter))?, words)?;
    }
    Ok(layer)
}

fn find(parameters: &'static [Parameter], name: &str) -> Result<&'static Parameter> {
    let found = parameters.iter().find(|parameter| parameter.name == name);
    found.ok_or_else(|| Error::unknown("setting", name, parameters.iter().map(|parameter| parameter.name)))
}

fn refused(words: &str, parameter: &Parameter) -> Error {
    Error::usage(format!("{words} cannot be"), format!("give {}", parameter.wanted()))
}

/// A typed value: as TOML has it, a list without its brackets, or a text without its quotes.
fn value(text: &str, parameter: &Parameter) -> Option<Value> {
    if text.len() > LONGEST {
        return None;
    }
    let read = |text: &str| file::value(text).and_then(|value| (parameter.normal)(&value));
    let words = || Value::Array(text.split(',').map(|word| Value::String(word.trim().to_owned())).collect());
    read(text)
        .or_else(|| read(&format!("[{text}]")))
        .or_else(|| (parameter.normal)(&Value::String(text.to_owned())))
        .or_else(|| (parameter.normal)(&words()))
}

#[cfg(test)]
mod tests;
