//! What the measurements say of the paper's claims.

use super::measure::TIMES;
use super::{Piece, Settings, claims, figures, tables};
use crate::error::{Error, Result};
use crate::experiment::{By, Findings, Judged, Record, record};
use crate::statistics::{exponent, mean};

/// Layers of weights of the networks whose movement is measured, and whether theory has them fall as the first power.
pub(super) const LAYERS: [(&str, bool); 4] = [("W0", false), ("W1", true), ("W2", true), ("W3", false)];

/// The records of a run, found by what they are of.
pub(super) type Done<'d> = record::Done<'d, Piece>;

impl<'d> Done<'d> {
    pub(super) fn movement(&self, of: usize) -> Vec<&'d Record> {
        self.all(|piece| matches!(piece, Piece::Movement { width, .. } if *width == of))
    }

    pub(super) fn ensemble(&self, of: usize) -> Vec<&'d Record> {
        self.all(|piece| matches!(piece, Piece::Ensemble { width, .. } if *width == of))
    }

    pub(super) fn limit(&self) -> Result<&'d Record> {
        self.one(|piece| matches!(piece, Piece::Limit { .. }))
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
pub(super) fn stray(records: &[&Record]) -> Result<f64> {
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

/// All of it.
pub(super) fn judge(s: &Settings, done: &[(Piece, Record)]) -> Result<Findings> {
    let done = record::Done(done);
    let claims = [of_movement(s, &done)?, of_ensembles(s, &done)?].concat();
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
        tables: vec![tables::changes(s, &done)?, tables::ensembles(s, &done)?],
        notes,
        ..Findings::default()
    })
}

fn of_movement(s: &Settings, done: &Done<'_>) -> Result<Vec<Judged>> {
    let layers = |hidden: bool| -> Result<Vec<f64>> {
        let of = LAYERS.iter().filter(|(_, of)| *of == hidden);
        of.map(|(name, _)| Ok(mean(&exponents(s, done, name)?))).collect()
    };
    let judged = vec![
        claims::OUTER_LAYERS_MOVE.judged(By::Worst, layers(false)?),
        claims::HIDDEN_LAYERS_MOVE.judged(By::Worst, layers(true)?),
        claims::KERNEL_MOVES.judged(By::Mean, exponents(s, done, "kernel")?),
        claims::WEIGHTS_STAY_NEAR.judged(By::Mean, exponents(s, done, "distance")?),
    ];
    let range = format!("{} to {}", s.widths.iter().min().unwrap_or(&0), s.widths.iter().max().unwrap_or(&0));
    Ok(judged.into_iter().map(|judged| judged.at(range.as_str())).collect())
}

fn of_ensembles(s: &Settings, done: &Done<'_>) -> Result<Vec<Judged>> {
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
    let ratio = |[_, ratio]: [f64; 2]| (ratio - 1.0).abs();
    let at = format!("{networks} networks, n = {widest}, times {TIMES:?}");
    let slopes = (0..s.seeds.len())
        .map(|seed| {
            let at = |&width: &usize| Ok((width as f64, stray(&[done.ensemble(width)[seed]])?));
            Ok(exponent(s.ensemble_widths.iter().map(at).collect::<Result<Vec<_>>>()?))
        })
        .collect::<Result<Vec<f64>>>()?;
    let per_four: Vec<f64> = slopes.iter().map(|slope| 4.0_f64.powf(*slope)).collect();
    Ok(vec![
        claims::ENSEMBLE_MEAN.judged(By::Pooled(worst(&records, &scaled)?), each(&own)?).at(at.as_str()),
        claims::ENSEMBLE_VARIANCE.judged(By::Pooled(worst(&records, &ratio)?), each(&ratio)?).at(at.as_str()),
        claims::LINEAR_DYNAMICS.judged(By::Mean, per_four),
    ])
}
