//! What `ntk predict` shows and stores.

use ntk::array::Array;
use ntk::data::npy::write_npy_to;
use serde_json::{Map, Value, json};

use super::{Job, Predicted};
use crate::args::{Get, Of, PredictLoss};
use crate::command::tale::Tale;
use crate::failure::Outcome;
use crate::render::quantity;
use crate::render::report::Note;
use crate::render::summary::Row;
use crate::store::folder::OutputFolder;

/// How well outputs fit: `1/(2 n)` times the sum of squares as in training, and the share of right classes.
struct Fit {
    loss: f64,
    accuracy: Option<f64>,
}

impl Fit {
    /// Of outputs `[n, o]` with targets of the same shape.
    fn of(outputs: &[f64], targets: &Array<f64>, classified: bool, loss: PredictLoss) -> Self {
        let (n, o) = (targets.rows(), targets.row_len());
        let rows = || outputs.chunks_exact(o).zip(targets.data.chunks_exact(o));
        let sum: f64 = match loss {
            PredictLoss::Mse => 0.5 * outputs.iter().zip(&targets.data).map(|(f, y)| (f - y) * (f - y)).sum::<f64>(),
            PredictLoss::Ce => rows().map(|(f, y)| cross_entropy(f, y)).sum(),
        };
        let class = |row: &[f64]| match row {
            [one] => usize::from(*one > 0.0),
            many => (0..many.len()).fold(0, |best, a| if many[a] > many[best] { a } else { best }),
        };
        let right = rows().filter(|(f, y)| class(f) == class(y)).count();
        Self { loss: sum / n as f64, accuracy: classified.then(|| right as f64 / n as f64) }
    }

    fn json(&self) -> Value {
        json!({ "loss": self.loss, "accuracy": self.accuracy })
    }
}

fn cross_entropy(f: &[f64], y: &[f64]) -> f64 {
    let top = f.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let log = top + f.iter().map(|f| (f - top).exp()).sum::<f64>().ln();
    f.iter().zip(y).map(|(f, y)| y * (log - f)).sum()
}

/// Fits at each time.
fn fits(
    over_times: &Array<f64>,
    targets: Option<&Array<f64>>,
    classified: bool,
    loss: PredictLoss,
) -> Option<Vec<Fit>> {
    let targets = targets.filter(|targets| targets.row_len() > 0)?;
    let size = over_times.row_len().max(1);
    Some(over_times.data.chunks_exact(size).map(|f| Fit::of(f, targets, classified, loss)).collect())
}

/// Writes everything, then tells it.
pub(super) fn store(job: &Job<'_>, predicted: Predicted, folder: OutputFolder) -> Outcome {
    let plots = predicted.picture(job, &folder)?;
    let Predicted { predictions, covariance, regression, seconds, .. } = predicted;
    let (arguments, inputs) = (job.arguments, &job.inputs);
    let classified = inputs.data.labels.is_some();
    let train = fits(&predictions.train, Some(&inputs.data.targets), classified, arguments.loss).unwrap_or_default();
    let of_test = inputs.data.test.as_ref().map(|part| &part.targets);
    let test = predictions.test.as_ref().and_then(|f| fits(f, of_test, classified, arguments.loss));
    let shown = predictions.test.as_ref().unwrap_or(&predictions.train);
    folder.write_with("predictions.npy", |mut to| write_npy_to(&mut to, &shown.shape, &shown.data))?;
    if predictions.test.is_some() {
        let train = &predictions.train;
        folder.write_with("train.npy", |mut to| write_npy_to(&mut to, &train.shape, &train.data))?;
    }
    if let Some(covariance) = &covariance {
        folder.write_with("covariance.npy", |mut to| write_npy_to(&mut to, &covariance.shape, &covariance.data))?;
    }
    let whose = match (&arguments.kernel_file, arguments.of(), arguments.get) {
        (Some(path), ..) => path.display().to_string(),
        (None, Of::Empirical, _) => "of the network at its start".to_owned(),
        (None, Of::Infinite, Get::Ntk) => "of infinite width, all layers trained".to_owned(),
        (None, Of::Infinite, Get::Nngp) => "of infinite width, the last layer trained".to_owned(),
    };
    let mut rows = vec![
        Row::new("predictions", super::super::kernel::outcome::shape_text(&shown.shape), "times × samples × outputs"),
        Row::new("kernel", whose, ""),
    ];
    let unit = if arguments.lr.is_some() { "steps" } else { "t" };
    for (t, (&time, fit)) in arguments.times.iter().zip(&train).enumerate() {
        let test = test.as_ref().map(|test| &test[t]);
        let percent = |fit: &Fit| fit.accuracy.map(|a| format!("{}%", quantity::number(100.0 * a)));
        let value = match test.and_then(percent).or_else(|| percent(fit)) {
            Some(percent) => format!("{percent} right"),
            None => format!("loss {}", quantity::number(test.unwrap_or(fit).loss)),
        };
        let mut remark = match test {
            Some(test) => {
                format!("test; loss {}, train loss {}", quantity::number(test.loss), quantity::number(fit.loss))
            }
            None => format!("train; loss {}", quantity::number(fit.loss)),
        };
        if let (Some(_), Some(percent)) = (test, percent(fit)) {
            remark.push_str(&format!(", train {percent}"));
        }
        rows.push(Row::new(format!("{unit} = {}", quantity::number(time)), value, remark));
    }
    if let Some(regression) = &regression {
        let highest = regression.max_learning_rate(arguments.momentum);
        rows.push(Row::new("highest learning rate", quantity::number(highest), "of `ntk train` with mse"));
        let rank = regression.rank();
        if rank < regression.eigenvalues().len() {
            let of = format!("of {}: the rest is below rounding", regression.eigenvalues().len());
            rows.push(Row::new("rank of the kernel", quantity::count(rank as u64), of));
        }
    }
    rows.push(Row::new("time", quantity::seconds(seconds.iter().map(|(_, s)| s).sum()), job.limits.threads_text()));
    let json_of = |fits: &[Fit]| fits.iter().map(Fit::json).collect::<Vec<_>>();
    // Infinity is no number of JSON.
    let times: Vec<Value> =
        arguments.times.iter().map(|time| if time.is_finite() { json!(time) } else { json!("inf") }).collect();
    let results = Map::from_iter([
        ("predictions".to_owned(), json!({ "file": "predictions.npy", "shape": shown.shape })),
        ("times".to_owned(), json!(times)),
        ("train".to_owned(), json!(json_of(&train))),
        ("test".to_owned(), json!(test.as_deref().map(json_of))),
        (
            "covariance".to_owned(),
            json!(covariance.as_ref().map(|c| json!({ "file": "covariance.npy", "shape": c.shape }))),
        ),
        ("max_learning_rate".to_owned(), json!(regression.as_ref().map(|r| r.max_learning_rate(arguments.momentum)))),
        ("largest_eigenvalue".to_owned(), json!(regression.as_ref().and_then(|r| r.eigenvalues().last().copied()))),
        ("smallest_eigenvalue".to_owned(), json!(regression.as_ref().and_then(|r| r.eigenvalues().first().copied()))),
        ("ridge_added".to_owned(), json!(regression.as_ref().map(ntk::predict::Regression::ridge))),
        ("digests".to_owned(), json!({ "data_sha256": inputs.data.digest })),
    ]);
    let own = [
        ("kernel", rows[1].value.clone()),
        ("loss", if arguments.loss == PredictLoss::Ce { "ce" } else { "mse" }.to_owned()),
        ("ridge", arguments.ridge.to_string()),
        ("learning rate", arguments.lr.map_or("gradient flow".to_owned(), |lr| lr.to_string())),
        ("momentum", arguments.momentum.to_string()),
    ];
    let mut configuration = inputs.record();
    configuration.extend(own.iter().map(|(name, value)| (name.replace(' ', "_"), json!(value))));
    let configured = inputs.configuration().into_iter().chain(own.map(|(name, value)| (name.to_owned(), value)));
    Tale {
        command: "predict",
        heading: "Training in function space".to_owned(),
        title: format!("Prediction of {} on {}", inputs.model_name, inputs.data.name),
        spectrum: regression.map(|r| r.eigenvalues().iter().rev().copied().collect()).unwrap_or_default(),
        rows,
        results,
        configuration,
        configured: configured.collect(),
        table: None,
        plots,
        seconds,
        notes: vec![Note::Memory],
        remarks: inputs.remarks().cloned().collect(),
    }
    .end(folder, &arguments.output)
}
