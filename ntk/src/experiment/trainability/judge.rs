//! What the measurements say of the paper's claims.

use super::{CASES, Case, Piece, Settings, critical, figures};
use crate::error::{Error, Result};
use crate::experiment::finding::{Cell, Table};
use crate::experiment::{Claim, Findings, Gate, Record, Threshold};
use crate::model::Activation;
use crate::statistics::standard_error;

/// Accuracy below which a network counts as not trained, and as not better than chance.
const TRAINED: f64 = 0.9;
const LEARNT: f64 = 0.5;
/// The depth to which a critical network is asked to generalize.
const DEEP: f64 = 100.0;
/// The depth at which ratios of critical kernels are held against their limits.
const RATIO_AT: usize = 3000;

/// The records of a run, found by what they are of.
pub(super) struct Done<'d>(&'d [(Piece, Record)]);

impl<'d> Done<'d> {
    /// Of a case, one a seed.
    pub(super) fn depths(&self, name: &str) -> Vec<&'d Record> {
        let of = |piece: &Piece| matches!(piece, Piece::Depths { case, .. } if case == name);
        self.0.iter().filter(|(piece, _)| of(piece)).map(|(_, record)| record).collect()
    }

    /// Of a variance of weights, one a seed.
    pub(super) fn accuracy(&self, at: f64) -> Vec<&'d Record> {
        let of = |piece: &Piece| matches!(piece, Piece::Accuracy { weight, .. } if *weight == at);
        self.0.iter().filter(|(piece, _)| of(piece)).map(|(_, record)| record).collect()
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
fn at_last(record: &Record, name: &str) -> Result<f64> {
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

/// The value that is furthest from the middle of what is allowed, so that the claim holds of all if it does of this one.
fn worst(values: &[f64], threshold: Threshold) -> f64 {
    let off = |x: f64| match threshold {
        Threshold::AtMost(_) => x,
        Threshold::AtLeast(_) => -x,
        Threshold::Within(low, high) => (x - 0.5 * (low + high)).abs(),
    };
    values.iter().copied().max_by(|a, b| off(*a).total_cmp(&off(*b))).unwrap_or(f64::NAN)
}

/// A claim of the worst value of all cases and seeds.
fn claim(
    name: &'static str,
    statement: &'static str,
    quantity: String,
    values: Vec<f64>,
    threshold: Threshold,
    [paper, source]: [&'static str; 2],
) -> Claim {
    let (measured, error) = (worst(&values, threshold), standard_error(&values));
    Claim { name, statement, quantity, values, measured, error, paper, threshold, source, gate: Gate::Gated }
}

/// All of it.
pub(super) fn judge(s: &Settings, done: &[(Piece, Record)]) -> Result<Findings> {
    let done = Done(done);
    let mut claims = of_accuracies(s, &done)?;
    claims.extend(of_ordered(&done)?);
    claims.extend(of_critical(s, &done)?);
    claims.extend(of_chaotic(&done)?);
    let notes = vec![
        "A claim's number is the worst of all its cases and seeds.".to_owned(),
        "Collapsed networks give one class to all samples: their accuracy is that class's share, not a tenth."
            .to_owned(),
    ];
    Ok(Findings {
        claims,
        figures: figures::all(s, &done)?,
        tables: vec![constants(&done)?, thresholds(s, &done)?],
        arrays: vec![],
        notes,
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

fn of_accuracies(s: &Settings, done: &Done<'_>) -> Result<Vec<Claim>> {
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
    Ok(vec![
        claim(
            "ordered-trains-to",
            "In the ordered phase networks train up to a depth of several xi_1.",
            format!("first depth with training accuracy below 0.9 at T = {time}, by xi_1"),
            below(&ordered, "train", TRAINED)?,
            Threshold::Within(6.0, 11.0),
            ["the boundary of training follows 8 xi_1", "a separate program found 8 to 9.4 on digits"],
        ),
        claim(
            "chaotic-trains",
            "In the chaotic phase networks train at every depth.",
            format!("least training accuracy at any depth, T = {time}"),
            of_all(&chaotic, |record| least(record, "train", f64::INFINITY))?,
            Threshold::AtLeast(0.999),
            ["the condition number tends to 1", "a separate program found 1.00 everywhere"],
        ),
        claim(
            "chaotic-generalizes-to",
            "In the chaotic phase networks generalize up to a depth of several xi_*.",
            format!("first depth with test accuracy below 0.5 at T = {time}, by xi_*"),
            below(&chaotic, "test", LEARNT)?,
            Threshold::Within(7.0, 13.0),
            ["the boundary of generalization follows 8 xi_*", "a separate program found 8.4 to 12 on digits"],
        ),
        claim(
            "critical-generalizes",
            "On the critical line networks train and generalize to great depth.",
            format!("least test accuracy at any depth up to {DEEP}, T = {time}"),
            of_all(&critical, |record| least(record, "test", DEEP))?,
            Threshold::AtLeast(0.9),
            ["the depth scales diverge", "a separate program found 0.92 at depth 100 on digits"],
        ),
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

fn of_ordered(done: &Done<'_>) -> Result<Vec<Claim>> {
    let cases = with_slopes(done, false)?;
    let each = |of: &OfSlope| cases.iter().map(|(between, record)| of(*between, record)).collect::<Result<Vec<f64>>>();
    let source = "the asymptotics; what is left of them at these depths is below 1.5 % in a separate program";
    let within = Threshold::AtMost(0.025);
    Ok(vec![
        claim(
            "ordered-smallest",
            "In the ordered phase the smallest eigenvalue falls as l chi_1^l.",
            "|slope of ln(lambda_min/l)/ln chi_1 - 1|".into(),
            each(&|between, r| {
                Ok(off(slope(between, |l| Ok(at(r, "smallest", l)? / l as f64))?, r.get("chi_1")?.ln()))
            })?,
            within,
            ["lambda_bulk ~ l chi_1^l", source],
        ),
        claim(
            "ordered-condition",
            "In the ordered phase the condition number grows as 1/(l chi_1^l).",
            "|slope of ln(l kappa)/-ln chi_1 - 1|".into(),
            each(&|between, r| {
                let kappa = |l: usize| Ok(l as f64 * at(r, "largest", l)? / at(r, "smallest", l)?);
                Ok(off(slope(between, kappa)?, -r.get("chi_1")?.ln()))
            })?,
            within,
            ["kappa ~ 1/(l chi_1^l)", source],
        ),
        claim(
            "ordered-largest",
            "In the ordered phase the largest eigenvalue tends to m q*/(1 - chi_1).",
            "|lambda_max (1 - chi_1)/(m q*) - 1|".into(),
            each(&|(_, to), r| {
                let limit = r.get("variance")? / (1.0 - r.get("chi_1")?);
                Ok(off(at(r, "largest", to)? / points(r)?, limit))
            })?,
            within,
            ["lambda_max -> m p*", source],
        ),
        claim(
            "ordered-predictor",
            "In the ordered phase the predictor tends to a limit that depends on the data.",
            "|size of P y at the greater depth by that at the lesser - 1|".into(),
            each(&|(from, to), r| Ok(off(at(r, "predictor", to)?, at(r, "predictor", from)?)))?,
            within,
            ["P y -> a constant", source],
        ),
    ])
}

/// Samples of a kernel.
fn points(record: &Record) -> Result<f64> {
    record.get("points")
}

fn of_critical(s: &Settings, done: &Done<'_>) -> Result<Vec<Claim>> {
    let (relu, erf) = (done.depths("relu-critical"), done.depths("erf-critical"));
    let ratio = |records: &[&Record], limit: f64| {
        of_all(records, |r| Ok(off(at(r, "off_diagonal", RATIO_AT)? / at(r, "diagonal", RATIO_AT)?, limit)))
    };
    let condition = |records: &[&Record], limit: f64| {
        of_all(records, |r| Ok(off(at_last(r, "largest")? / at_last(r, "smallest")?, limit)))
    };
    let both = [relu.as_slice(), &erf].concat();
    let m = s.points as f64;
    let derived = "the limit, by the recursion near correlation 1; corrections are of order (ln l)/l";
    let diagonal = of_all(&both, |r| {
        let q = r.get("variance")?;
        let depths = r.values("depths")?.data.iter();
        let diagonal = r.values("diagonal")?.data.iter();
        Ok(depths.zip(diagonal).map(|(l, d)| off(*d, q * (l + 1.0))).fold(0.0, f64::max))
    })?;
    let predictor = of_all(&both, |r| {
        let (from, to) = (1000, s.deepest);
        Ok((at(r, "predictor", to)? / at(r, "predictor", from)?).ln() / (to as f64 / from as f64).ln())
    })?;
    Ok(vec![
        claim(
            "critical-diagonal",
            "At criticality the kernel's diagonal is q* (l + 1).",
            "largest relative deviation at any depth".into(),
            diagonal,
            Threshold::AtMost(1e-6),
            ["p_aa = q* l", "exact where chi_1 = 1; rounding of chi_1 is multiplied by the depth"],
        ),
        claim(
            "critical-erf-ratio",
            "At criticality, for smooth activations, off-diagonal entries tend to a third of the diagonal's.",
            format!("|3 p_ab/p_aa - 1| at l = {RATIO_AT}, erf"),
            ratio(&erf, 1.0 / 3.0)?,
            Threshold::AtMost(0.01),
            ["p_ab -> q* l/3", derived],
        ),
        claim(
            "critical-relu-ratio",
            "At criticality, for ReLU, off-diagonal entries tend to a quarter of the diagonal's.",
            format!("|4 p_ab/p_aa - 1| at l = {RATIO_AT}, relu"),
            ratio(&relu, 0.25)?,
            Threshold::AtMost(0.01),
            ["stated for smooth activations; a quarter is the ReLU's", derived],
        ),
        claim(
            "critical-erf-condition",
            "At criticality, for smooth activations, the condition number tends to (m + 2)/2.",
            format!("|2 kappa/(m + 2) - 1| at l = {}, erf, m = {m}", s.deepest),
            condition(&erf, 0.5 * (m + 2.0))?,
            Threshold::AtMost(0.015),
            ["kappa -> (m d + 2)/2 with d = 1", derived],
        ),
        claim(
            "critical-relu-condition",
            "At criticality, for ReLU, the condition number tends to (m + 3)/3.",
            format!("|3 kappa/(m + 3) - 1| at l = {}, relu, m = {m}", s.deepest),
            condition(&relu, (m + 3.0) / 3.0)?,
            Threshold::AtMost(0.015),
            ["from the ratio of a quarter", derived],
        ),
        claim(
            "critical-predictor",
            "At criticality the predictor falls as 1/l.",
            format!("exponent of the size of P y in the depth, 1000 to {}", s.deepest),
            predictor,
            Threshold::Within(-1.1, -0.9),
            ["P y = O(1/l)", "-1; a separate program found -1.00 and -0.985 over a decade"],
        ),
    ])
}

fn of_chaotic(done: &Done<'_>) -> Result<Vec<Claim>> {
    let cases = with_slopes(done, true)?;
    let each = |of: &OfSlope| cases.iter().map(|(between, record)| of(*between, record)).collect::<Result<Vec<f64>>>();
    let source = "the asymptotics; what is left of them at these depths is below 1.6 % in a separate program";
    let within = Threshold::AtMost(0.025);
    Ok(vec![
        claim(
            "chaotic-smallest",
            "In the chaotic phase all eigenvalues grow as chi_1^l.",
            "|slope of ln lambda_min/ln chi_1 - 1|".into(),
            each(&|between, r| Ok(off(slope(between, |l| at(r, "smallest", l))?, r.get("chi_1")?.ln())))?,
            within,
            ["lambda_min ~ lambda_max ~ chi_1^l", source],
        ),
        claim(
            "chaotic-predictor",
            "In the chaotic phase the predictor falls as l (chi_c/chi_1)^l.",
            "|slope of ln(|P y|/l)/ln(chi_c/chi_1) - 1|".into(),
            each(&|between, r| {
                let found = slope(between, |l| Ok(at(r, "predictor", l)? / l as f64))?;
                Ok(off(found, (r.get("chi_c")? / r.get("chi_1")?).ln()))
            })?,
            within,
            ["P y ~ l (chi_c/chi_1)^l", source],
        ),
        claim(
            "chaotic-off-diagonal",
            "In the chaotic phase off-diagonal entries tend to q* c*/(1 - chi_c).",
            "|p_ab (1 - chi_c)/(q* c*) - 1|".into(),
            each(&|(_, to), r| {
                let limit = r.get("variance")? * r.get("correlation")? / (1.0 - r.get("chi_c")?);
                Ok(off(at(r, "off_diagonal", to)?, limit))
            })?,
            within,
            ["p_ab -> p*", source],
        ),
    ])
}

/// Fixed points, and the kernel at the deepest network of the first seed.
fn constants(done: &Done<'_>) -> Result<Table> {
    let columns = [
        "case",
        "weight",
        "bias",
        "q*",
        "chi_1",
        "c*",
        "chi_c",
        "depth",
        "p_ab/p_aa",
        "kappa",
        "lambda_max/l",
        "lambda_bulk/l",
        "largest stable rate",
    ];
    let (name, title) = ("phases", "Fixed points, and kernels at the deepest network of the first seed".to_owned());
    let mut table = Table { name, title, columns: columns.map(str::to_owned).to_vec(), rows: Vec::new() };
    for Case { name, bias, .. } in CASES {
        let Some(record) = done.depths(name).first().copied() else { continue };
        let last = |curve: &str| at_last(record, curve);
        let (depth, largest) = (last("depths")?, last("largest")?);
        let numbers = [
            record.get("weight")?,
            bias,
            record.get("variance")?,
            record.get("chi_1")?,
            record.get("correlation")?,
            record.get("chi_c")?,
            depth,
            last("off_diagonal")? / last("diagonal")?,
            largest / last("smallest")?,
            largest / depth,
            last("bulk")? / depth,
            2.0 * points(record)? / largest,
        ];
        table.push(std::iter::once(Cell::from(name)).chain(numbers.map(Cell::Number)).collect())?;
    }
    Ok(table)
}

/// Where accuracies fall, by weight, of the first seed.
fn thresholds(s: &Settings, done: &Done<'_>) -> Result<Table> {
    let columns = ["weight", "chi_1", "depth scale", "training below 0.9 at", "test below 0.5 at"];
    let (name, title) = ("boundaries", format!("Depths at which accuracies fall, T = {}", s.times[s.times.len() - 1]));
    let mut table = Table { name, title, columns: columns.map(str::to_owned).to_vec(), rows: Vec::new() };
    for &weight in s.ordered.iter().chain(&[critical(Activation::Erf, s.bias)?]).chain(&s.chaotic) {
        let Some(record) = done.accuracy(weight).first().copied() else { continue };
        let scale = record.get("depth_scale")?;
        let cell = |name: &str, level: f64| -> Result<Cell> {
            let depth = falls_below(record, &accuracies(record, name, s.times.len() - 1)?, level)? * scale;
            Ok(if depth.is_finite() { Cell::Number(depth.round()) } else { Cell::Empty })
        };
        let scale = if scale.is_finite() && scale < 1e6 { Cell::Number(scale) } else { Cell::Empty };
        let chi_1 = record.get("chi_1")?.into();
        table.push(vec![weight.into(), chi_1, scale, cell("train", TRAINED)?, cell("test", LEARNT)?])?;
    }
    Ok(table)
}
