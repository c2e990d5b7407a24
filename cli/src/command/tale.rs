//! How a command in function space ends: its record, its report, its summary, from what it found.

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::results;
use crate::args::{Format, Output};
use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::render::report::{Illustration, Note, Phase, Report};
use crate::render::summary::{self, Row};
use crate::render::table::Table;
use crate::render::terminal::{self, Style};
use crate::store::folder::OutputFolder;

/// What a command found.
#[derive(Default)]
pub(crate) struct Tale {
    /// The command's name.
    pub(crate) command: &'static str,
    /// What was computed, in a few words.
    pub(crate) heading: String,
    /// The same with model, data and size.
    pub(crate) title: String,
    /// Results to show, the most important first.
    pub(crate) rows: Vec<Row>,
    /// Measurements in columns.
    pub(crate) table: Option<Table>,
    /// Eigenvalues to show the shape of; may be empty.
    pub(crate) spectrum: Vec<f64>,
    /// Results for programs.
    pub(crate) results: Map<String, Value>,
    /// What makes the run again, for programs.
    pub(crate) configuration: Map<String, Value>,
    /// The same for the report.
    pub(crate) configured: Vec<(String, String)>,
    /// Plots.
    pub(crate) plots: Vec<Illustration>,
    /// What took how long, in seconds.
    pub(crate) seconds: Vec<(&'static str, f64)>,
    /// Terms to explain.
    pub(crate) notes: Vec<Note>,
    /// What a user should know.
    pub(crate) remarks: Vec<String>,
}

/// A command that has been stored.
pub(crate) struct Told {
    /// Where its files are.
    pub(crate) place: PathBuf,
    /// What standard output is told.
    pub(crate) text: String,
}

impl Tale {
    /// Writes `result.json` and, if wanted, `report.html`; finishes the folder and tells the terminal.
    pub(crate) fn end(self, folder: OutputFolder, output: &Output) -> Outcome {
        let told = self.store(folder, output)?;
        terminal::print(&told.text).map_err(Failure::Output)
    }

    /// The same, but standard output is not told yet.
    pub(crate) fn store(self, folder: OutputFolder, output: &Output) -> Result<Told, Failure> {
        let origin = format!("ntk {} on {}", env!("CARGO_PKG_VERSION"), machine::processor());
        let mut seconds: Map<String, Value> =
            self.seconds.iter().map(|(name, s)| ((*name).to_owned(), json!(s))).collect();
        seconds.insert("total".to_owned(), json!(self.seconds.iter().map(|(_, s)| s).sum::<f64>()));
        let mut record = json!({
            "schema": 1,
            "command": self.command,
            "command_line": results::command_line(),
            "version": env!("CARGO_PKG_VERSION"),
            "processor": machine::processor(),
            "configuration": self.configuration,
            "seconds": seconds,
            "memory": { "peak_bytes": machine::peak_memory() },
            "notes": self.remarks,
        });
        if let Value::Object(record) = &mut record {
            record.extend(self.results);
        }
        folder.write("result.json", format!("{record:#}\n").as_bytes())?;
        if !output.no_report {
            let phases = self.seconds.iter().filter(|(_, s)| *s > 1e-6);
            let report = Report {
                title: self.heading,
                subtitle: self.title.clone(),
                warnings: self.remarks.clone(),
                summary: self.rows.clone(),
                table: self.table.clone(),
                plots: self.plots,
                configuration: self.configured,
                phases: phases.map(|(name, s)| Phase { name: (*name).into(), seconds: *s, gflop: None }).collect(),
                command: results::command_line(),
                notes: self.notes,
                origin,
                ..Report::default()
            };
            folder.write("report.html", report.html()?.as_bytes())?;
        }
        let place = folder.finish()?;
        let text = match output.format {
            Format::Json => format!("{record:#}\n"),
            Format::Text => {
                self.remarks.iter().for_each(|note| eprintln!("note: {note}"));
                let folder = place.display().to_string();
                let Self { title, rows, spectrum, table, .. } = self;
                summary::Summary { title, rows, spectrum, table, folder }.render(&Style::detect())
            }
        };
        Ok(Told { place, text })
    }
}
