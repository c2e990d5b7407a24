//! What the measurements say of the paper's claims.

use super::figures;
use super::measure::START;
use super::{Piece, Settings};
use crate::error::{Error, Result};
use crate::experiment::finding::{Cell, Table};
use crate::experiment::{Claim, Findings, Gate, Record, Threshold};
use crate::statistics::{exponent, mean, quantile, standard_error};

/// Percentiles of a normal distribution, in deviations from its mean.
pub(super) const PERCENTILES: [(f64, f64); 3] = [(0.1, -1.281_551_565_544_6), (0.5, 0.0), (0.9, 1.281_551_565_544_6)];
/// The width at which the kernel's mean is held against the limit.
const MEAN_WIDTH: usize = 500;

/// The records of a run, found by what they are of.
pub(super) struct Done<'d>(pub(super) &'d [(Piece, Record)]);

impl<'d> Done<'d> {
    pub(super) fn limit(&self, name: &str) -> Result<&'d [f64]> {
        let found = self.0.iter().find(|(piece, _)| matches!(piece, Piece::Limit { .. }));
        let (_, record) = found.ok_or_else(|| Error::Bug("the limit was not measured".into()))?;
        Ok(&record.values(name)?.data)
    }

    /// The records that `which` takes, in the order of the seeds.
    pub(super) fn of(&self, which: impl Fn(&Piece) -> bool) -> Vec<&'d Record> {
        self.0.iter().filter(|(piece, _)| which(piece)).map(|(_, record)| record).collect()
    }

    pub(super) fn kernels(&self, of: usize) -> Vec<&'d Record> {
        self.of(|piece| matches!(piece, Piece::Kernels { width, .. } if *width == of))
    }

    pub(super) fn trained(&self, of: usize) -> Vec<&'d Record> {
        self.of(|piece| matches!(piece, Piece::Trained { width, .. } if *width == of))
    }

    pub(super) fn functions(&self, of: usize) -> Vec<&'d Record> {
        self.of(|piece| matches!(piece, Piece::Functions { width, .. } if *width == of))
    }

    pub(super) fn components(&self, of: usize) -> Vec<&'d Record> {
        self.of(|piece| matches!(piece, Piece::Component { width, .. } if *width == of))
    }
}

/// The rows `[inits, angles]` of all these records.
pub(super) fn rows<'r>(records: &[&'r Record], name: &str) -> Result<Vec<&'r [f64]>> {
    let mut rows = Vec::new();
    for record in records {
        let array = record.values(name)?;
        rows.extend(array.data.chunks_exact(array.row_len().max(1)));
    }
    Ok(rows)
}

/// Column `k` of rows.
pub(super) fn column(rows: &[&[f64]], k: usize) -> Vec<f64> {
    rows.iter().map(|row| row[k]).collect()
}

/// `sqrt(mean (Theta - limit)^2 / mean limit^2)` over networks and angles.
pub(super) fn deviation(rows: &[&[f64]], limit: &[f64]) -> f64 {
    let off: f64 = rows.iter().flat_map(|row| row.iter().zip(limit)).map(|(a, b)| (a - b).powi(2)).sum();
    (off / rows.len() as f64 / limit.iter().map(|x| x * x).sum::<f64>()).sqrt()
}

/// The mean over networks and angles, by that of the limit.
fn mean_ratio(rows: &[&[f64]], limit: &[f64]) -> f64 {
    mean(&rows.iter().map(|row| mean(row)).collect::<Vec<_>>()) / mean(limit)
}

/// `Theta_after/Theta_before - 1`, of means over angles, the mean over networks.
fn inflation(records: &[&Record]) -> Result<f64> {
    let (before, after) = (rows(records, "before")?, rows(records, "after")?);
    Ok(mean(&before.iter().zip(&after).map(|(b, a)| mean(a) / mean(b) - 1.0).collect::<Vec<_>>()))
}

/// The root mean square, over angles and percentiles, of what outputs' percentiles differ from the Gaussian's, in units of the
/// Gaussian's root mean square deviation.
pub(super) fn percentiles_off(rows: &[&[f64]], mean: &[f64], deviation: &[f64]) -> f64 {
    let mut sum = 0.0;
    for k in 0..mean.len() {
        let outputs = column(rows, k);
        for (q, z) in PERCENTILES {
            sum += (quantile(&outputs, q) - (mean[k] + z * deviation[k])).powi(2);
        }
    }
    let scale: f64 = deviation.iter().map(|x| x * x).sum();
    (sum / PERCENTILES.len() as f64 / scale).sqrt()
}

/// One number of the pooled records of all seeds, and one of each seed.
struct Pooled {
    all: f64,
    each: Vec<f64>,
}

impl Pooled {
    fn of(records: &[&Record], of: impl Fn(&[&Record]) -> Result<f64>) -> Result<Self> {
        Ok(Self { all: of(records)?, each: records.iter().map(|&record| of(&[record])).collect::<Result<_>>()? })
    }

    /// The exponents of a power law in the widths.
    fn exponents(widths: &[usize], at: &[Self]) -> Self {
        let fit = |of: &dyn Fn(&Self) -> f64| exponent(widths.iter().zip(at).map(|(&w, at)| (w as f64, of(at))));
        let seeds = at.iter().map(|at| at.each.len()).min().unwrap_or(0);
        Self { all: fit(&|at| at.all), each: (0..seeds).map(|s| fit(&|at| at.each[s])).collect() }
    }

    fn claim(self, claim: Claim) -> Claim {
        Claim { measured: self.all, error: standard_error(&self.each), values: self.each, ..claim }
    }
}

fn mean_of(name: &'static str) -> impl Fn(&[&Record]) -> Result<f64> {
    move |records| Ok(mean(&records.iter().map(|record| record.get(name)).collect::<Result<Vec<_>>>()?))
}

/// A claim before anything was measured.
fn claim(name: &'static str, statement: &'static str, quantity: String, threshold: Threshold) -> Claim {
    let (values, measured, error) = (Vec::new(), f64::NAN, None);
    Claim { name, statement, quantity, values, measured, error, paper: "", threshold, source: "", gate: Gate::Gated }
}

fn widest(widths: &[usize]) -> usize {
    widths.iter().copied().max().unwrap_or(0)
}

fn narrowest(widths: &[usize]) -> usize {
    widths.iter().copied().min().unwrap_or(0)
}

/// All of it.
pub(super) fn judge(s: &Settings, done: &[(Piece, Record)]) -> Result<Findings> {
    let done = Done(done);
    let mut claims = of_kernels(s, &done)?;
    claims.push(of_functions(s, &done)?);
    claims.extend(of_components(s, &done)?);
    let functions: Vec<&Record> = s.function_widths.iter().flat_map(|&width| done.functions(width)).collect();
    let most = |name: &str| -> Result<f64> {
        functions.iter().try_fold(0.0_f64, |most, record| Ok(most.max(record.get(name)?)))
    };
    let notes = vec![format!(
        "The networks on four points were trained until the loss fell to {:.1e} of its first value, by time {:.0} at the \
         latest.",
        most("loss_left")?,
        most("longest_time")?
    )];
    Ok(Findings { claims, figures: figures::all(s, &done)?, tables: vec![table(s, &done)?], arrays: vec![], notes })
}

fn of_kernels(s: &Settings, done: &Done<'_>) -> Result<Vec<Claim>> {
    let limit = done.limit("theta")?;
    let widths = &s.kernel_widths;
    let off = |records: &[&Record]| Ok(deviation(&rows(records, "theta")?, limit));
    let at: Vec<Pooled> = widths.iter().map(|&width| Pooled::of(&done.kernels(width), off)).collect::<Result<_>>()?;
    let slope = Pooled::exponents(widths, &at).claim(Claim {
        paper: "converges in probability as the widths tend to infinity (theorem 1); figure 1",
        source: "fluctuations of a mean over n units fall as n^-1/2; the bounds leave room for terms of order 1/n at n = 50",
        ..claim(
            "kernel-converges",
            "The tangent kernel at the start becomes deterministic as the width grows.",
            format!(
                "exponent of the relative deviation of Theta(x0, x) from its limit in the width, {} to {}",
                narrowest(widths),
                widest(widths)
            ),
            Threshold::Within(-0.7, -0.35),
        )
    });

    let near = widths.iter().copied().min_by_key(|width| width.abs_diff(MEAN_WIDTH)).unwrap_or(MEAN_WIDTH);
    let ratio = |records: &[&Record]| Ok((mean_ratio(&rows(records, "theta")?, limit) - 1.0).abs());
    let centre = Pooled::of(&done.kernels(near), ratio)?.claim(Claim {
        paper: "figure 1: a wider network has less variance and the same mean",
        source: "terms of order 1/n are some 1 % at n = 500, where the mean over 120 networks is known to 1 %",
        ..claim(
            "kernel-mean",
            "The limit is the kernel that the recursion over layers gives.",
            format!("|mean of Theta(x0, x)/limit - 1| over networks and angles, n = {near}"),
            Threshold::AtMost(0.03),
        )
    });

    let (narrow, wide) = (narrowest(&s.trained_widths), widest(&s.trained_widths));
    let grown = Pooled::of(&done.trained(wide), inflation)?.claim(Claim {
        paper: "figure 1: training inflates the kernel",
        source: "the sign",
        ..claim(
            "kernel-inflates",
            "Training increases the kernel.",
            format!("Theta after {} steps/Theta at the start - 1, n = {wide}", s.trained_steps),
            Threshold::AtLeast(0.0),
        )
    });
    let less = Pooled {
        all: inflation(&done.trained(narrow))? / inflation(&done.trained(wide))?,
        each: done
            .trained(narrow)
            .iter()
            .zip(done.trained(wide))
            .map(|(a, b)| Ok(inflation(&[a])? / inflation(&[b])?))
            .collect::<Result<_>>()?,
    };
    let less = less.claim(Claim {
        paper: "figure 1: the inflation is less apparent as the width grows; constant in the limit (theorem 2)",
        source: "the order; in theory it falls as 1/n or n^-1/2",
        ..claim(
            "kernel-stays",
            "During training the kernel of a wide network stays closer to what it was.",
            format!("inflation at n = {narrow} by that at n = {wide}"),
            Threshold::AtLeast(1.0),
        )
    });
    Ok(vec![slope, centre, grown, less])
}

fn of_functions(s: &Settings, done: &Done<'_>) -> Result<Claim> {
    let (mean, spread) = (done.limit("mean")?, done.limit("deviation")?);
    let wide = widest(&s.function_widths);
    let records = done.functions(wide);
    let networks = rows(&records, "outputs")?.len();
    let off = |records: &[&Record]| Ok(percentiles_off(&rows(records, "outputs")?, mean, spread));
    Ok(Pooled::of(&records, off)?.claim(Claim {
        paper: "figure 2: percentiles 10, 50 and 90 of networks of width 1000 are near those of the Gaussian",
        source: "of 100 networks a percentile is known to 0.16 deviations (0.17, 0.125, 0.17), alike at neighbouring angles; \
                 0.15 for every angle is less than that",
        ..claim(
            "functions-gaussian",
            "Functions that wide networks learn follow the Gaussian of the limit.",
            format!("percentiles 10, 50, 90 of {networks} networks less the Gaussian's, root mean square, in deviations, n = {wide}"),
            Threshold::AtMost(0.3),
        )
    }))
}

fn of_components(s: &Settings, done: &Done<'_>) -> Result<Vec<Claim>> {
    let widths = &s.component_widths;
    let (narrow, wide) = (narrowest(widths), widest(widths));
    let at: Vec<Pooled> = widths
        .iter()
        .map(|&width| Pooled::of(&done.components(width), mean_of("most_across")))
        .collect::<Result<_>>()?;
    let across = Pooled::of(&done.components(wide), mean_of("most_across"))?.claim(Claim {
        paper: "figure 3: the part orthogonal to the eigenvector shrinks with the width",
        source: "0.067 and 0.075 at n = 1000 in a separate program",
        ..claim(
            "component-alone",
            "Training along an eigenvector of the kernel leaves all others alone.",
            format!("largest |h_t|/0.5 orthogonal to the eigenvector, n = {wide}"),
            Threshold::AtMost(0.10),
        )
    });
    let slope = Pooled::exponents(widths, &at).claim(Claim {
        paper: "figure 3: 0 in the limit",
        source: "n^-1/2 in theory; a separate program found -0.42 over two networks a width",
        ..claim(
            "component-alone-rate",
            "What training along an eigenvector moves elsewhere vanishes with the width.",
            format!("exponent of the largest |h_t| in the width, {narrow} to {wide}"),
            Threshold::Within(-0.65, -0.3),
        )
    });
    let along = Pooled::of(&done.components(wide), mean_of("off_theory"))?.claim(Claim {
        paper: "figure 3: |g_t| = 0.5 exp(-lambda_2 t)",
        source: "0.020 and 0.027 at n = 1000 in a separate program",
        ..claim(
            "component-decays",
            "Along an eigenvector the error decays exponentially, at the rate of its eigenvalue.",
            format!("largest |g_t - 0.5 (1 - rate lambda_2)^steps|, n = {wide}"),
            Threshold::AtMost(0.04),
        )
    });
    let ahead = |record: &&Record| {
        let (g, theory) = (record.values("along")?, record.values("theory")?);
        let end = g.len().saturating_sub(1);
        Ok((theory.data[end] - g.data[end]) / START)
    };
    let each: Vec<f64> = done.components(narrow).iter().map(ahead).collect::<Result<_>>()?;
    let faster = Pooled { all: mean(&each), each }.claim(Claim {
        paper: "figure 3: narrower networks converge faster, because their kernel inflates",
        source: "the sign",
        gate: Gate::Informative(
            "one network a seed and width: the kernel of a narrow network differs by more than it inflates",
        ),
        ..claim(
            "narrow-faster",
            "Narrow networks converge faster than the limit.",
            format!("0.5 (1 - rate lambda_2)^steps - g_t at the end, by 0.5, n = {narrow}"),
            Threshold::AtLeast(0.0),
        )
    });
    let spectra = done.of(|piece| matches!(piece, Piece::Spectrum { .. }));
    let each: Vec<f64> = spectra
        .iter()
        .map(|record| {
            let ratio = |name: &str| record.values(name).map(|values| values.data[0] / values.data[1]);
            Ok(ratio("eigenvalues_unit_bias")? / ratio("eigenvalues")?)
        })
        .collect::<Result<_>>()?;
    let footnote = Pooled { all: mean(&each), each }.claim(Claim {
        paper: "section 6.3: with beta = 1 the first eigenvalue is about ten times larger relative to the others",
        source: "half of the paper's number, of other data",
        gate: Gate::Informative("the paper's number is of MNIST, which is not centred as these digits are not"),
        ..claim(
            "bias-dominates",
            "Large biases make the constant the one thing that is learnt quickly.",
            format!("lambda_1/lambda_2 with beta = 1 by that with beta = {}", s.bias),
            Threshold::AtLeast(5.0),
        )
    });
    Ok(vec![across, slope, along, faster, footnote])
}

/// Numbers by width.
fn table(s: &Settings, done: &Done<'_>) -> Result<Table> {
    let columns = [
        "width",
        "networks",
        "deviation of Theta",
        "mean/limit",
        "inflation",
        "percentiles off",
        "largest |h|/0.5",
        "largest |g - theory|",
    ];
    let mut table = Table {
        name: "widths",
        title: "By width".into(),
        columns: columns.map(str::to_owned).to_vec(),
        rows: Vec::new(),
    };
    let mut widths: Vec<usize> = [&s.kernel_widths, &s.trained_widths, &s.function_widths, &s.component_widths]
        .into_iter()
        .flatten()
        .copied()
        .collect();
    widths.sort_unstable();
    widths.dedup();
    let (limit, mean, spread) = (done.limit("theta")?, done.limit("mean")?, done.limit("deviation")?);
    let cell = |records: Vec<&Record>, of: &dyn Fn(&[&Record]) -> Result<f64>| match records.is_empty() {
        true => Ok(Cell::Empty),
        false => of(&records).map(Cell::Number),
    };
    for width in widths {
        let kernels = || done.kernels(width);
        table.push(vec![
            width.into(),
            cell(kernels(), &|of| Ok(rows(of, "theta")?.len() as f64))?,
            cell(kernels(), &|of| Ok(deviation(&rows(of, "theta")?, limit)))?,
            cell(kernels(), &|of| Ok(mean_ratio(&rows(of, "theta")?, limit)))?,
            cell(done.trained(width), &inflation)?,
            cell(done.functions(width), &|of| Ok(percentiles_off(&rows(of, "outputs")?, mean, spread)))?,
            cell(done.components(width), &mean_of("most_across"))?,
            cell(done.components(width), &mean_of("off_theory"))?,
        ])?;
    }
    Ok(table)
}
