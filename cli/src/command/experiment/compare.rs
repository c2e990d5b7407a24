//! `ntk compare`: two runs beside each other.

use std::collections::BTreeMap;
use std::path::Path;

use ntk::{Error, Result};
use serde_json::{Value, json};

use super::account::{Stored, changes};
use super::verdict::short;
use crate::args::{self, Format};
use crate::failure::{Failure, Outcome};
use crate::render::summary::wrapped;
use crate::render::terminal::{self, Style};

/// The longest file of results that is read.
const LONGEST: u64 = 1 << 30;
/// Differences that are shown; all are counted.
const SHOWN: usize = 20;

/// What a folder says that was measured: claims, and the numbers of its tasks.
struct Results {
    numbers: BTreeMap<(String, String), f64>,
    verdicts: BTreeMap<String, String>,
}

/// A number that differs.
struct Drift {
    what: String,
    /// None where it is not there.
    values: [Option<f64>; 2],
    /// Relative to the larger magnitude; infinite where one is missing.
    size: f64,
}

/// `ntk compare`
pub(crate) fn run(typed: &args::Compare) -> Outcome {
    let folders = [&typed.first, &typed.second];
    let [a, b] = folders.map(|folder| Stored::read(folder));
    let (a, b) = (a?, b?);
    if a.experiment != b.experiment {
        let what = format!(
            "{} is a run of {}, {} one of {}",
            a.folder.display(),
            a.experiment,
            b.folder.display(),
            b.experiment
        );
        return Err(Error::usage(what, "compare two runs of one experiment").into());
    }
    let settings = changes(a.configuration(), b.configuration());
    let (first, second) = (Results::read(&a)?, Results::read(&b)?);
    let mut drifts = numbers(&first, &second);
    let compared = drifts.len();
    drifts.retain(|drift| drift.size > typed.tolerance);
    drifts.sort_by(|x, y| y.size.total_cmp(&x.size).then_with(|| x.what.cmp(&y.what)));
    let verdicts = verdicts(&first, &second);
    if typed.format == Format::Json {
        super::print(&json!({
            "experiment": a.experiment,
            "tolerance": typed.tolerance,
            "settings": settings.iter().map(|[name, a, b]| json!({ "name": name, "a": a, "b": b })).collect::<Vec<_>>(),
            "compared": compared,
            "verdicts": verdicts.iter().map(|[name, a, b]| json!({ "claim": name, "a": a, "b": b })).collect::<Vec<_>>(),
            "drifted": drifts.iter().map(Drift::json).collect::<Vec<_>>(),
        }))?;
    } else {
        let style = Style::detect();
        let mut lines = vec![format!("{} in {} and {}", a.experiment, folders[0].display(), folders[1].display())];
        lines.extend(settings.iter().map(|[name, a, b]| format!("  {name}: {a}, {b}")));
        if settings.is_empty() {
            lines.push("  the settings are the same".into());
        }
        lines.extend(verdicts.iter().map(|[name, a, b]| format!("  claim {name}: {a}, {b}")));
        lines.extend(drifts.iter().take(SHOWN).map(Drift::text));
        if drifts.len() > SHOWN {
            lines.push(format!("  and {} more", drifts.len() - SHOWN));
        }
        let beyond = if typed.tolerance == 0.0 {
            "differ".into()
        } else {
            format!("differ by more than {}", short(typed.tolerance))
        };
        lines.push(format!("  {} of {compared} numbers {beyond}", drifts.len()));
        let text: String = lines
            .iter()
            .flat_map(|line| wrapped(&style.letters(line), style.columns))
            .map(|line| line + "\n")
            .collect();
        terminal::print(&text).map_err(Failure::Output)?;
    }
    match (drifts.len(), verdicts.len()) {
        (0, 0) => Ok(()),
        (numbers, verdicts) => {
            let what = format!("{numbers} numbers and {verdicts} verdicts differ");
            Err(Failure::Claims(format!("{what}; --tolerance T lets small differences pass")))
        }
    }
}

impl Drift {
    fn text(&self) -> String {
        let [a, b] = self.values.map(|x| x.map_or_else(|| "not there".to_owned(), |x| format!("{x:?}")));
        let size = if self.size.is_finite() { format!(" ({})", short(self.size)) } else { String::new() };
        format!("  {}: {a}, {b}{size}", self.what)
    }

    fn json(&self) -> Value {
        json!({ "what": self.what, "a": self.values[0], "b": self.values[1], "relative": self.size })
    }
}

/// Every number that either has.
fn numbers(a: &Results, b: &Results) -> Vec<Drift> {
    let keys: std::collections::BTreeSet<_> = a.numbers.keys().chain(b.numbers.keys()).collect();
    keys.into_iter()
        .map(|key| {
            let values = [a, b].map(|of| of.numbers.get(key).copied());
            let size = match values {
                [Some(x), Some(y)] => apart(x, y),
                _ => f64::INFINITY,
            };
            Drift { what: format!("{} {}", key.0, key.1), values, size }
        })
        .collect()
}

/// How far two numbers are apart, relative to the larger.
fn apart(x: f64, y: f64) -> f64 {
    if x.to_bits() == y.to_bits() || x.is_nan() && y.is_nan() {
        return 0.0;
    }
    match (x - y).abs() / x.abs().max(y.abs()) {
        // Zeros of different sign are apart by nothing that can be measured, and not the same bits.
        ratio if x == y => ratio.max(f64::MIN_POSITIVE),
        ratio if ratio.is_finite() => ratio,
        _ => f64::INFINITY,
    }
}

fn verdicts(a: &Results, b: &Results) -> Vec<[String; 3]> {
    let word = |of: &Results, name: &str| of.verdicts.get(name).cloned().unwrap_or_else(|| "not there".into());
    let names: std::collections::BTreeSet<&String> = a.verdicts.keys().chain(b.verdicts.keys()).collect();
    names.into_iter().map(|name| [name.clone(), word(a, name), word(b, name)]).filter(|[_, a, b]| a != b).collect()
}

impl Results {
    fn read(stored: &Stored) -> Result<Self> {
        if stored.status() != "finished" {
            let folder = stored.folder.display();
            let what = format!("the run in {folder} is {}", stored.status());
            return Err(Error::usage(what, format!("finish it first: ntk resume {folder}")));
        }
        let csv = text(&stored.folder.join("results.csv"))?;
        let path = stored.folder.join("results.json");
        let all: Value = serde_json::from_str(&text(&path)?).map_err(|error| damaged(&path, error.to_string()))?;
        let claims = all["claims"].as_array().cloned().unwrap_or_default();
        let word = |claim: &Value, key: &str| claim[key].as_str().unwrap_or_default().to_owned();
        let verdict = |claim: &Value| {
            let held = if claim["held"] == json!(true) { "held" } else { "not held" };
            (word(claim, "name"), format!("{} ({held})", word(claim, "verdict")))
        };
        let mut numbers = BTreeMap::new();
        for (i, line) in csv.lines().enumerate().skip(1) {
            let read = || {
                let (rest, value) = line.rsplit_once(',')?;
                let (task, name) = rest.split_once(',')?;
                Some(((task.to_owned(), name.to_owned()), value.parse().ok()?))
            };
            let path = stored.folder.join("results.csv");
            let (key, value) = read().ok_or_else(|| damaged(&path, format!("has no number in line {}", i + 1)))?;
            numbers.insert(key, value);
        }
        Ok(Self { numbers, verdicts: claims.iter().map(verdict).collect() })
    }
}

fn text(path: &Path) -> Result<String> {
    let read = |source| Error::Read { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(read)?.len() > LONGEST {
        return Err(damaged(path, "is too long".into()));
    }
    std::fs::read_to_string(path).map_err(read)
}

fn damaged(path: &Path, what: String) -> Error {
    Error::Store { path: path.to_owned(), what, remedy: "make it again with ntk report and the folder".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_apart_by_their_relative_difference_and_bits_count() {
        assert_eq!(apart(1.0, 1.0), 0.0);
        assert_eq!(apart(2.0, 1.0), 0.5);
        assert_eq!(apart(-1.0, 1.0), 2.0);
        assert_eq!(apart(f64::NAN, f64::NAN), 0.0);
        assert_eq!(apart(f64::INFINITY, f64::INFINITY), 0.0);
        assert!(apart(0.0, -0.0) > 0.0 && apart(0.0, -0.0) < 1e-300);
        for (x, y) in [(f64::NAN, 1.0), (f64::INFINITY, 1.0), (f64::INFINITY, f64::NEG_INFINITY)] {
            assert_eq!(apart(x, y), f64::INFINITY, "{x} {y}");
        }
    }
}
