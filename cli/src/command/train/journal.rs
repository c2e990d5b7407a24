//! Where a training is written down while it goes on: metrics.csv, metrics.jsonl, checkpoints, and a line on the terminal.

use std::path::Path;
use std::time::{Duration, Instant};

use autodiff::Float;
use ntk::data::Element;
use ntk::metric::Row;
use ntk::train::{Checkpoint, Journal};
use ntk::{Error, Result};
use serde_json::{Map, Value, json};

use super::job::Job;
use crate::failure::Failure;
use crate::render::progress::Progress;
use crate::render::quantity;
use crate::store::folder::OutputFolder;
use crate::store::lines::{self, Lines};

/// The checkpoint's file.
pub(super) const CHECKPOINT: &str = "checkpoint.safetensors";
const CSV: &str = "metrics.csv";
const JSON: &str = "metrics.jsonl";
/// Time between checkpoints where no number of steps is asked for.
const BETWEEN: Duration = Duration::from_secs(60);

/// The files and the line.
pub(super) struct Log<'l> {
    folder: &'l OutputFolder,
    names: &'l [String],
    columns: Vec<String>,
    csv: Lines,
    lines: Lines,
    rows: Vec<Row>,
    progress: Progress,
    checkpoint_every: Option<u64>,
    last_checkpoint: Instant,
    configuration: String,
}

impl<'l> Log<'l> {
    /// Opens the files; of what is in them rows of steps from `kept` on go, as they will be measured again.
    pub(super) fn open(
        folder: &'l OutputFolder,
        job: &Job,
        columns: Vec<String>,
        names: &'l [String],
        kept: u64,
        configuration: Map<String, Value>,
    ) -> std::result::Result<Self, Failure> {
        let header = ["step", "epoch", "lr"].into_iter().chain(columns.iter().map(String::as_str));
        let header = header.collect::<Vec<_>>().join(",");
        let rows = earlier(&folder.path().join(CSV), &header, columns.len(), kept)?;
        // Both files are written whole from the rows that stay, so they cannot disagree.
        let mut csv = header + "\n";
        let mut lines = String::new();
        for row in &rows {
            csv.push_str(&csv_line(row));
            lines.push_str(&json_line(&columns, row));
        }
        folder.write(CSV, csv.as_bytes())?;
        folder.write(JSON, lines.as_bytes())?;
        let done = kept.min(job.plan.steps);
        let progress = Progress::new(job.plan.steps - done, "train");
        Ok(Self {
            csv: Lines::open(folder.path().join(CSV))?,
            lines: Lines::open(folder.path().join(JSON))?,
            folder,
            names,
            columns,
            rows,
            progress,
            checkpoint_every: job.checkpoint_every,
            last_checkpoint: Instant::now(),
            configuration: Value::Object(configuration).to_string(),
        })
    }

    /// All rows, those from before an interruption too.
    pub(super) fn close(self) -> Vec<Row> {
        self.progress.finish();
        self.rows
    }

    fn value(&self, row: &Row, column: &str) -> Option<f64> {
        row.values[self.columns.iter().position(|c| c == column)?]
    }
}

impl<R: Float + Element> Journal<R> for Log<'_> {
    fn row(&mut self, row: &Row) -> Result<()> {
        self.csv.append(&csv_line(row))?;
        self.lines.append(&json_line(&self.columns, row))?;
        let loss = self.value(row, "loss").map(|loss| format!("loss {}", quantity::number(loss)));
        let accuracy = self.value(row, "test_accuracy").map(|share| ("test", share));
        let accuracy = accuracy.or_else(|| self.value(row, "accuracy").map(|share| ("acc", share)));
        let accuracy = accuracy.map(|(what, share)| format!("{what} {:.1}%", 100.0 * share));
        let told: Vec<String> = ["train".to_owned()].into_iter().chain(loss).chain(accuracy).collect();
        self.progress.relabel(&told.join("  "));
        self.rows.push(row.clone());
        Ok(())
    }

    fn step(&mut self, _: u64, _: f64) {
        self.progress.advance(1);
    }

    fn wants_checkpoint(&mut self, step: u64) -> bool {
        match self.checkpoint_every {
            Some(every) => step > 0 && step.is_multiple_of(every),
            None => self.last_checkpoint.elapsed() >= BETWEEN,
        }
    }

    fn checkpoint(&mut self, mut checkpoint: Checkpoint<R>) -> Result<()> {
        checkpoint.configuration.clone_from(&self.configuration);
        checkpoint.write(&self.folder.path().join(CHECKPOINT), self.names)?;
        self.last_checkpoint = Instant::now();
        Ok(())
    }
}

/// A line of metrics.csv. The debug form of a number reads back to the same bits.
fn csv_line(row: &Row) -> String {
    let mut line = format!("{},{:?},{:?}", row.step, row.epoch, row.rate);
    for value in &row.values {
        line.push(',');
        line.extend(value.map(|value| format!("{value:?}")));
    }
    line + "\n"
}

fn json_line(columns: &[String], row: &Row) -> String {
    let mut line = Map::new();
    line.insert("step".into(), json!(row.step));
    line.insert("epoch".into(), json!(row.epoch));
    line.insert("lr".into(), json!(row.rate));
    line.extend(columns.iter().cloned().zip(row.values.iter().map(|value| json!(value))));
    Value::Object(line).to_string() + "\n"
}

/// The rows of an earlier metrics.csv before step `kept`; a line that was cut short and what follows it go.
fn earlier(path: &Path, header: &str, columns: usize, kept: u64) -> Result<Vec<Row>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(Error::Read { path: path.to_owned(), source }),
    };
    let mut lines = lines::whole(&text);
    if lines.next() != Some(header) {
        return Err(Error::Store {
            path: path.to_owned(),
            what: "has other columns than this training".into(),
            remedy: "train in a new folder".into(),
        });
    }
    let row = |line: &str| {
        let mut cells = line.split(',');
        let (step, epoch, rate) =
            (cells.next()?.parse().ok()?, cells.next()?.parse().ok()?, cells.next()?.parse().ok()?);
        let value = |cell: &str| if cell.is_empty() { Some(None) } else { cell.parse().ok().map(Some) };
        let values: Vec<Option<f64>> = cells.map(value).collect::<Option<_>>()?;
        (values.len() == columns).then_some(Row { step, epoch, rate, values })
    };
    Ok(lines.map_while(row).take_while(|row| row.step < kept).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_to_the_bit_and_a_cut_line_ends_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.csv");
        let row = |step, value| Row { step, epoch: 0.1 + 0.2, rate: 1e-3, values: vec![Some(value), None] };
        let rows = [row(0, 1.0 / 3.0), row(7, f64::MIN_POSITIVE), row(9, -0.0)];
        let mut text = "step,epoch,lr,loss,v\n".to_owned();
        rows.iter().for_each(|row| text.push_str(&csv_line(row)));
        std::fs::write(&path, &text).unwrap();
        let read = |kept| earlier(&path, "step,epoch,lr,loss,v", 2, kept).unwrap();
        assert_eq!(read(10), rows);
        assert_eq!(read(9), rows[..2]);
        std::fs::write(&path, &text[..text.len() - 1]).unwrap();
        assert_eq!(read(10), rows[..2]);
        assert_eq!(earlier(&path, "step,epoch,lr,other", 1, 9).unwrap_err().code(), 6);
        assert!(earlier(&folder.path().join("none"), "", 0, 0).unwrap().is_empty());
        let columns = ["loss".to_owned(), "v".to_owned()];
        assert_eq!(
            json_line(&columns, &row(7, 0.5)),
            "{\"epoch\":0.30000000000000004,\"loss\":0.5,\"lr\":0.001,\"step\":7,\"v\":null}\n"
        );
    }
}
