//! What the measurements say of the paper's claims.

use super::measure::TIMES;
use super::{Piece, Settings, figures};
use crate::error::{Error, Result};
use crate::experiment::finding::{Cell, Table};
use crate::experiment::{Claim, Findings, Gate, Record, Threshold};
use crate::statistics::{exponent, mean, standard_error};

/// Layers of weights of the networks whose movement is measured, and whether theory has them fall as the first power.
pub(super) const LAYERS: [(&str, bool); 4] = [("W0", false), ("W1", true), ("W2", true), ("W3", false)];

/// The records of a run, found by what they are of.
pub(super) struct Done<'d>(&'d [(Piece, Record)]);

impl<'d> Done<'d> {
    fn of(&self, which: impl Fn(&Piece) -> bool) -> Vec<&'d Record> {
        self.0.iter().filter(|(piece, _)| which(piece)).map(|(_, record)| record).collect()
    }

    pub(super) fn movement(&self, of: usize) -> Vec<&'d Record> {
        self.of(|piece| matches!(piece, Piece::Movement { width, .. } if *width == of))
    }

    pub(super) fn ensemble(&self, of: usize) -> Vec<&'d Record> {
        self.of(|piece| matches!(piece, Piece::Ensemble { width, .. } if *width == of))
    }

    pub(super) fn limit(&self) -> Result<&'d Record> {
        let found = self.of(|piece| matches!(piece, Piece::Limit { .. }));
        found.first().copied().ok_or_else(|| Error::Bug("the limit was not measured".into()))
    }
}

/// A number of each record.
pub(super) fn numbers(records: &[&Record], name: &str) -> Result<Vec<f64>> {
    records.iter().map(|record| record.get(name)).collect()
}

/// Outputs of all networks of these records at a time, `networks` rows `[m]`.
pub(super) fn outputs<'r>(records: &[&'r Record], time: usize) -> Result<Vec<&'r [f64]>> {
    let mut rows = Vec::new();
    for record in records {
        let array = record.values("outputs")?;
        let m = array.shape.last().copied().unwrap_or(1);
        rows.extend(array.data.chunks_exact(array.row_len().max(1)).map(|of| &of[time * m..(time + 1) * m]));
    }
    Ok(rows)
}

/// Mean and variance (of n - 1) over networks, for each sample.
pub(super) fn moments(rows: &[&[f64]]) -> (Vec<f64>, Vec<f64>) {
    let (n, m) = (rows.len() as f64, rows.first().map_or(0, |row| row.len()));
    let means: Vec<f64> = (0..m).map(|i| rows.iter().map(|row| row[i]).sum::<f64>() / n).collect();
    let squares = (0..m).map(|i| rows.iter().map(|row| (row[i] - means[i]).powi(2)).sum::<f64>() / (n - 1.0));
    let variances = squares.collect();
    (means, variances)
}

/// `[error of the means in deviations, mean variance by that of the limit]` at a time.
pub(super) fn against(records: &[&Record], limit: &Record, time: usize) -> Result<[f64; 2]> {
    let (means, variances) = moments(&outputs(records, time)?);
    let at = |name: &str| -> Result<&[f64]> {
        let array = limit.values(name)?;
        array.row(time).ok_or_else(|| Error::Bug(format!("no time {time} in `{name}`")))
    };
    let (expected, spread) = (at("mean")?, at("variance")?);
    let off: Vec<f64> = means.iter().zip(expected).map(|(a, b)| (a - b).powi(2)).collect();
    Ok([(mean(&off) / mean(spread)).sqrt(), mean(&variances) / mean(spread)])
}

/// The largest stray of each network over time, the mean of them.
fn stray(records: &[&Record]) -> Result<f64> {
    let mut largest = Vec::new();
    for record in records {
        let array = record.values("strays")?;
        let of = array.data.chunks_exact(array.row_len().max(1));
        largest.extend(of.map(|row| row.iter().copied().fold(0.0, f64::max)));
    }
    Ok(mean(&largest))
}

/// Places of [`TIMES`] among the times that were kept.
pub(super) fn places(limit: &Record) -> Result<Vec<usize>> {
    let times = &limit.values("times")?.data;
    let nearest = |t: f64| (0..times.len()).min_by(|&a, &b| (times[a] - t).abs().total_cmp(&(times[b] - t).abs()));
    Ok(TIMES.into_iter().filter(|t| times.last().is_some_and(|last| t <= last)).filter_map(nearest).collect())
}

/// The exponents of each seed in the widths.
fn exponents(s: &Settings, done: &Done<'_>, name: &str) -> Result<Vec<f64>> {
    (0..s.seeds.len())
        .map(|seed| {
            let at = |&width: &usize| Ok((width as f64, done.movement(width)[seed].get(name)?));
            Ok(exponent(s.widths.iter().map(at).collect::<Result<Vec<_>>>()?))
        })
        .collect()
}

fn claim(
    name: &'static str,
    statement: &'static str,
    quantity: String,
    values: Vec<f64>,
    threshold: Threshold,
    [paper, source]: [&'static str; 2],
) -> Claim {
    let (measured, error) = (mean(&values), standard_error(&values));
    Claim { name, statement, quantity, values, measured, error, paper, threshold, source, gate: Gate::Gated }
}

/// All of it.
pub(super) fn judge(s: &Settings, done: &[(Piece, Record)]) -> Result<Findings> {
    let done = Done(done);
    let mut claims = of_movement(s, &done)?;
    claims.extend(of_ensembles(s, &done)?);
    let limit = done.limit()?;
    let notes = vec![
        format!(
            "Descent on the ensembles' samples is stable in the limit up to a learning rate of {:.2}.",
            limit.get("largest_rate")?
        ),
        format!(
            "Outputs of the infinite ensemble at the start vary by {:.0} % along one direction in the test samples, so errors of \
             their means go together.",
            100.0 * limit.get("first_share")?
        ),
    ];
    Ok(Findings {
        claims,
        figures: figures::all(s, &done)?,
        tables: vec![changes(s, &done)?, ensembles(s, &done)?],
        arrays: vec![],
        notes,
    })
}

fn of_movement(s: &Settings, done: &Done<'_>) -> Result<Vec<Claim>> {
    let layers = |hidden: bool| -> Result<Vec<f64>> {
        let mut all = Vec::new();
        for (name, _) in LAYERS.iter().filter(|(_, of)| *of == hidden) {
            all.push(mean(&exponents(s, done, name)?));
        }
        Ok(all)
    };
    let far = |x: Vec<f64>, middle: f64| {
        let worst =
            x.iter().copied().max_by(|a, b| (a - middle).abs().total_cmp(&(b - middle).abs())).unwrap_or(f64::NAN);
        (x, worst)
    };
    let (outer, worst_outer) = far(layers(false)?, -0.55);
    let (inner, worst_inner) = far(layers(true)?, -1.025);
    let range = format!("{} to {}", s.widths.iter().min().unwrap_or(&0), s.widths.iter().max().unwrap_or(&0));
    let mut first = claim(
        "outer-layers-move",
        "The relative change of the first and the last layer's weights falls as n^-1/2.",
        format!("exponent in the width, {range}, of the layer further from -0.55"),
        outer,
        Threshold::Within(-0.7, -0.4),
        ["-1/2", "a separate program found -0.55 and -0.62; the bounds leave room for small widths"],
    );
    first.measured = worst_outer;
    let mut second = claim(
        "hidden-layers-move",
        "The relative change of hidden layers' weights falls as 1/n.",
        format!("exponent in the width, {range}, of the layer further from -1.025"),
        inner,
        Threshold::Within(-1.2, -0.85),
        ["-1", "a separate program found -1.03 and -1.05"],
    );
    second.measured = worst_inner;
    let kernel = claim(
        "kernel-moves",
        "The relative change of the kernel falls at least as n^-1/2.",
        format!("exponent in the width, {range}"),
        exponents(s, done, "kernel")?,
        Threshold::Within(-1.1, -0.45),
        ["bound n^-1/2, observed about 1/n", "a separate program found -0.78"],
    );
    let mut distance = claim(
        "weights-stay-near",
        "All weights together move a distance that does not grow with the width.",
        format!("exponent of |theta_t - theta_0| in the width, {range}"),
        exponents(s, done, "distance")?,
        Threshold::Within(-0.25, 0.1),
        ["|theta_t - theta_0| = O(1)", "0 in theory"],
    );
    distance.gate = Gate::Informative("stated for the limit; at small widths the distance still falls towards it");
    Ok(vec![first, second, kernel, distance])
}

fn of_ensembles(s: &Settings, done: &Done<'_>) -> Result<Vec<Claim>> {
    let widest = s.ensemble_widths.iter().copied().max().unwrap_or(0);
    let (limit, records) = (done.limit()?, done.ensemble(widest));
    let networks = outputs(&records, 0)?.len();
    let places = places(limit)?;
    let worst = |records: &[&Record], of: &dyn Fn([f64; 2]) -> f64| -> Result<f64> {
        let found = places.iter().map(|&time| against(records, limit, time).map(of)).collect::<Result<Vec<_>>>()?;
        Ok(found.into_iter().fold(0.0, f64::max))
    };
    let each = |of: &dyn Fn([f64; 2]) -> f64| -> Result<Vec<f64>> {
        records.iter().map(|&record| worst(&[record], of)).collect()
    };
    let scaled = |[off, _]: [f64; 2]| off * (networks as f64).sqrt();
    let own = |[off, _]: [f64; 2]| off * (networks as f64 / records.len() as f64).sqrt();
    let mut means = claim(
        "ensemble-mean",
        "The mean of trained ensembles is that of the Gaussian process, at all times.",
        format!(
            "largest error over times {TIMES:?}, root mean square over samples, in deviations/sqrt({networks}), n = {widest}"
        ),
        each(&own)?,
        Threshold::AtMost(2.2),
        [
            "figure 2: mean predictions agree",
            "1 is expected of independent networks; as outputs share one direction, 1.5 would be passed by one run in ten and \
             2.2 by one in a hundred",
        ],
    );
    means.measured = worst(&records, &scaled)?;
    let ratio = |[_, ratio]: [f64; 2]| (ratio - 1.0).abs();
    let mut variances = claim(
        "ensemble-variance",
        "The variance of trained ensembles is that of the Gaussian process, at all times.",
        format!("largest |variance/limit - 1| over times {TIMES:?}, n = {widest}"),
        each(&ratio)?,
        Threshold::AtMost(0.15),
        [
            "figure 2: predictive variances agree",
            "a separate program found ratios of 0.97 to 1.03; as outputs share one direction, 400 networks leave an error of 0.05, \
             100 one of 0.1",
        ],
    );
    variances.measured = worst(&records, &ratio)?;
    let slopes = (0..s.seeds.len())
        .map(|seed| {
            let at = |&width: &usize| Ok((width as f64, stray(&[done.ensemble(width)[seed]])?));
            Ok(exponent(s.ensemble_widths.iter().map(at).collect::<Result<Vec<_>>>()?))
        })
        .collect::<Result<Vec<f64>>>()?;
    let per_four: Vec<f64> = slopes.iter().map(|slope| 4.0_f64.powf(*slope)).collect();
    let linear = claim(
        "linear-dynamics",
        "A network trains as its linearization in the parameters, the closer the wider.",
        "factor, for four times the width, of the largest |f_lin - f|/|f_t - f_0| over time".into(),
        per_four,
        Threshold::AtMost(0.7),
        ["theorem 2.1: the difference is O(n^-1/2)", "1/2 in theory"],
    );
    Ok(vec![means, variances, linear])
}

/// Relative changes by width, means over seeds.
fn changes(s: &Settings, done: &Done<'_>) -> Result<Table> {
    let columns = ["width", "W0", "W1", "W2", "W3", "kernel", "distance", "steps", "loss"];
    let (name, title) = ("changes", "Relative changes in training, means over seeds".to_owned());
    let mut table = Table { name, title, columns: columns.map(str::to_owned).to_vec(), rows: Vec::new() };
    for &width in &s.widths {
        let records = done.movement(width);
        let mut row = vec![Cell::from(width)];
        for column in &columns[1..] {
            row.push(Cell::Number(mean(&numbers(&records, column)?)));
        }
        table.push(row)?;
    }
    Ok(table)
}

/// Errors of means and ratios of variances by width and time.
fn ensembles(s: &Settings, done: &Done<'_>) -> Result<Table> {
    let columns = [
        "width",
        "networks",
        "time",
        "error of the mean, deviations",
        "variance/limit",
        "deviation of the limit",
        "stray",
    ];
    let (name, title) = ("ensembles", "Ensembles against the infinite one".to_owned());
    let mut table = Table { name, title, columns: columns.map(str::to_owned).to_vec(), rows: Vec::new() };
    let limit = done.limit()?;
    for &width in &s.ensemble_widths {
        let records = done.ensemble(width);
        for time in places(limit)? {
            let [off, ratio] = against(&records, limit, time)?;
            let spread = limit.values("variance")?.row(time).map_or(f64::NAN, |of| mean(of).sqrt());
            let networks = outputs(&records, time)?.len();
            let at = limit.values("times")?.data[time];
            table.push(vec![
                width.into(),
                networks.into(),
                at.into(),
                off.into(),
                ratio.into(),
                spread.into(),
                stray(&records)?.into(),
            ])?;
        }
    }
    Ok(table)
}
