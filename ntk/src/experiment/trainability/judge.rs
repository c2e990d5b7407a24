//! What the measurements say of the paper's claims.

use super::{CASES, Piece, Settings, claims, critical, figures, tables};
use crate::error::{Error, Result};
use crate::experiment::{By, Claim, Findings, Judged, Record, record};
use crate::model::Activation;

/// Accuracy below which a network counts as not trained, and as not better than chance.
pub(super) const TRAINED: f64 = 0.9;
pub(super) const LEARNT: f64 = 0.5;
/// The depth to which a critical network is asked to generalize.
const DEEP: f64 = 100.0;
/// The depth at which ratios of critical kernels are held against their limits.
const RATIO_AT: usize = 3000;

/// The records of a run, found by what they are of.
pub(super) type Done<'d> = record::Done<'d, Piece>;

impl<'d> Done<'d> {
    /// Of a case, one a seed.
    pub(super) fn depths(&self, name: &str) -> Vec<&'d Record> {
        self.all(|piece| matches!(piece, Piece::Depths { case, .. } if case == name))
    }

    /// Of a variance of weights, one a seed.
    pub(super) fn accuracy(&self, at: f64) -> Vec<&'d Record> {
        self.all(|piece| matches!(piece, Piece::Accuracy { weight, .. } if *weight == at))
    }
}

/// A curve's value at a depth that was kept.
pub(super) fn at(record: &Record, name: &str, depth: usize) -> Result<f64> {
    let depths = &record.values("depths")?.data;
    let place = depths.iter().position(|&l| l == depth as f64);
    let place = place.ok_or_else(|| Error::Bug(format!("depth {depth} was not measured")))?;
    Ok(record.values(name)?.data[place])
}

/// A curve at the deepest network.
pub(super) fn at_last(record: &Record, name: &str) -> Result<f64> {
    record.values(name)?.data.last().copied().ok_or_else(|| Error::Bug("no depth was measured".into()))
}

/// Column `time` of accuracies `[depths, times]`, the last of them.
pub(super) fn accuracies(record: &Record, name: &str, time: usize) -> Result<Vec<f64>> {
    let array = record.values(name)?;
    Ok(array.data.chunks_exact(array.row_len().max(1)).map(|row| row[time]).collect())
}

/// The first depth at which a curve is below a level, in depth scales; infinite if there is none.
pub(super) fn falls_below(record: &Record, curve: &[f64], level: f64) -> Result<f64> {
    let depths = &record.values("depths")?.data;
    let first = curve.iter().position(|x| *x < level);
    Ok(first.map_or(f64::INFINITY, |i| depths[i]) / record.get("depth_scale")?)
}

/// The slope of `ln f` between two depths.
fn slope((from, to): (usize, usize), f: impl Fn(usize) -> Result<f64>) -> Result<f64> {
    Ok((f(to)? / f(from)?).ln() / (to - from) as f64)
}

/// All of it.
pub(super) fn judge(s: &Settings, done: &[(Piece, Record)]) -> Result<Findings> {
    let done = record::Done(done);
    let claims = [of_accuracies(s, &done)?, of_ordered(&done)?, of_critical(s, &done)?, of_chaotic(&done)?].concat();
    let notes = vec![
        "A claim's number is the worst of all its cases and seeds.".to_owned(),
        "Collapsed networks give one class to all samples: their accuracy is that class's share, not a tenth."
            .to_owned(),
    ];
    Ok(Findings {
        claims,
        figures: figures::all(s, &done)?,
        tables: vec![tables::constants(&done)?, tables::thresholds(s, &done)?],
        notes,
        ..Findings::default()
    })
}

/// One value a record.
fn of_all(records: &[&Record], of: impl Fn(&Record) -> Result<f64>) -> Result<Vec<f64>> {
    records.iter().map(|&record| of(record)).collect()
}

/// `|found/expected - 1|`
fn off(found: f64, expected: f64) -> f64 {
    (found / expected - 1.0).abs()
}

fn of_accuracies(s: &Settings, done: &Done<'_>) -> Result<Vec<Judged>> {
    let last = s.times.len() - 1;
    let time = s.times[last];
    let records = |weights: &[f64]| weights.iter().flat_map(|&weight| done.accuracy(weight)).collect::<Vec<_>>();
    let (ordered, chaotic) = (records(&s.ordered), records(&s.chaotic));
    let critical = records(&[critical(Activation::Erf, s.bias)?]);
    let least = |record: &Record, name: &str, to: f64| -> Result<f64> {
        let depths = &record.values("depths")?.data;
        let of = accuracies(record, name, last)?;
        Ok(of.iter().zip(depths).filter(|(_, l)| **l <= to).map(|(a, _)| *a).fold(f64::INFINITY, f64::min))
    };
    let below = |records: &[&Record], name: &str, level: f64| {
        of_all(records, |record| falls_below(record, &accuracies(record, name, last)?, level))
    };
    let at = format!("T = {time}");
    let judged = |claim: Claim, values| claim.judged(By::Worst, values).at(at.as_str());
    Ok(vec![
        judged(claims::ORDERED_TRAINS_TO, below(&ordered, "train", TRAINED)?),
        judged(claims::CHAOTIC_TRAINS, of_all(&chaotic, |record| least(record, "train", f64::INFINITY))?),
        judged(claims::CHAOTIC_GENERALIZES_TO, below(&chaotic, "test", LEARNT)?),
        judged(claims::CRITICAL_GENERALIZES, of_all(&critical, |record| least(record, "test", DEEP))?),
    ])
}

/// A number of a record, between two depths.
type OfSlope = dyn Fn((usize, usize), &Record) -> Result<f64>;

/// The cases of a phase that slopes are taken of, each with its records.
fn with_slopes<'d>(done: &Done<'d>, chaotic: bool) -> Result<Vec<((usize, usize), &'d Record)>> {
    let mut found = Vec::new();
    for case in CASES {
        let Some(between) = case.slopes else { continue };
        for record in done.depths(case.name) {
            if (record.get("chi_1")? > 1.0) == chaotic {
                found.push((between, record));
            }
        }
    }
    Ok(found)
}

fn of_ordered(done: &Done<'_>) -> Result<Vec<Judged>> {
    let cases = with_slopes(done, false)?;
    let worst = |claim: Claim, of: &OfSlope| -> Result<Judged> {
        Ok(claim.judged(By::Worst, cases.iter().map(|(between, r)| of(*between, r)).collect::<Result<_>>()?))
    };
    Ok(vec![
        worst(claims::ORDERED_SMALLEST, &|between, r| {
            Ok(off(slope(between, |l| Ok(at(r, "smallest", l)? / l as f64))?, r.get("chi_1")?.ln()))
        })?,
        worst(claims::ORDERED_CONDITION, &|between, r| {
            let kappa = |l: usize| Ok(l as f64 * at(r, "largest", l)? / at(r, "smallest", l)?);
            Ok(off(slope(between, kappa)?, -r.get("chi_1")?.ln()))
        })?,
        worst(claims::ORDERED_LARGEST, &|(_, to), r| {
            let limit = r.get("variance")? / (1.0 - r.get("chi_1")?);
            Ok(off(at(r, "largest", to)? / points(r)?, limit))
        })?,
        worst(claims::ORDERED_PREDICTOR, &|(from, to), r| Ok(off(at(r, "predictor", to)?, at(r, "predictor", from)?)))?,
    ])
}

/// Samples of a kernel.
pub(super) fn points(record: &Record) -> Result<f64> {
    record.get("points")
}

fn of_critical(s: &Settings, done: &Done<'_>) -> Result<Vec<Judged>> {
    let (relu, erf) = (done.depths("relu-critical"), done.depths("erf-critical"));
    let both = [relu.as_slice(), &erf].concat();
    let worst = |claim: Claim, records: &[&Record], of: &dyn Fn(&Record) -> Result<f64>| -> Result<Judged> {
        Ok(claim.judged(By::Worst, of_all(records, of)?))
    };
    let diagonal = |r: &Record| {
        let q = r.get("variance")?;
        let depths = r.values("depths")?.data.iter();
        let diagonal = r.values("diagonal")?.data.iter();
        Ok(depths.zip(diagonal).map(|(l, d)| off(*d, q * (l + 1.0))).fold(0.0, f64::max))
    };
    let ratio =
        |r: &Record, limit: f64| Ok(off(at(r, "off_diagonal", RATIO_AT)? / at(r, "diagonal", RATIO_AT)?, limit));
    let condition = |r: &Record, limit: f64| Ok(off(at_last(r, "largest")? / at_last(r, "smallest")?, limit));
    let predictor = |r: &Record| {
        let (from, to) = (1000, s.deepest);
        Ok((at(r, "predictor", to)? / at(r, "predictor", from)?).ln() / (to as f64 / from as f64).ln())
    };
    let m = s.points as f64;
    let deepest = format!("l = {}, m = {m}", s.deepest);
    Ok(vec![
        worst(claims::CRITICAL_DIAGONAL, &both, &diagonal)?,
        worst(claims::CRITICAL_ERF_RATIO, &erf, &|r| ratio(r, 1.0 / 3.0))?,
        worst(claims::CRITICAL_RELU_RATIO, &relu, &|r| ratio(r, 0.25))?,
        worst(claims::CRITICAL_ERF_CONDITION, &erf, &|r| condition(r, 0.5 * (m + 2.0)))?.at(deepest.as_str()),
        worst(claims::CRITICAL_RELU_CONDITION, &relu, &|r| condition(r, (m + 3.0) / 3.0))?.at(deepest.as_str()),
        worst(claims::CRITICAL_PREDICTOR, &both, &predictor)?.at(format!("l = {}", s.deepest)),
    ])
}

fn of_chaotic(done: &Done<'_>) -> Result<Vec<Judged>> {
    let cases = with_slopes(done, true)?;
    let worst = |claim: Claim, of: &OfSlope| -> Result<Judged> {
        Ok(claim.judged(By::Worst, cases.iter().map(|(between, r)| of(*between, r)).collect::<Result<_>>()?))
    };
    Ok(vec![
        worst(claims::CHAOTIC_SMALLEST, &|between, r| {
            Ok(off(slope(between, |l| at(r, "smallest", l))?, r.get("chi_1")?.ln()))
        })?,
        worst(claims::CHAOTIC_PREDICTOR, &|between, r| {
            let found = slope(between, |l| Ok(at(r, "predictor", l)? / l as f64))?;
            Ok(off(found, (r.get("chi_c")? / r.get("chi_1")?).ln()))
        })?,
        worst(claims::CHAOTIC_OFF_DIAGONAL, &|(_, to), r| {
            let limit = r.get("variance")? * r.get("correlation")? / (1.0 - r.get("chi_c")?);
            Ok(off(at(r, "off_diagonal", to)?, limit))
        })?,
    ])
}
