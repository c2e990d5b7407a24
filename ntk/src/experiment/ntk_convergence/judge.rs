//! What the measurements say of the paper's claims.

use super::measure::START;
use super::{Piece, Settings, claims, figures, tables};
use crate::error::Result;
use crate::experiment::{By, Claim, Findings, Judged, Record, record};
use crate::statistics::{exponent, mean, quantile};

/// Percentiles of a normal distribution, in deviations from its mean.
pub(super) const PERCENTILES: [(f64, f64); 3] = [(0.1, -1.281_551_565_544_6), (0.5, 0.0), (0.9, 1.281_551_565_544_6)];
/// The width at which the kernel's mean is held against the limit.
const MEAN_WIDTH: usize = 500;

/// The records of a run, found by what they are of.
pub(super) type Done<'d> = record::Done<'d, Piece>;

impl<'d> Done<'d> {
    pub(super) fn limit(&self, name: &str) -> Result<&'d [f64]> {
        Ok(&self.one(|piece| matches!(piece, Piece::Limit { .. }))?.values(name)?.data)
    }

    pub(super) fn kernels(&self, of: usize) -> Vec<&'d Record> {
        self.all(|piece| matches!(piece, Piece::Kernels { width, .. } if *width == of))
    }

    pub(super) fn trained(&self, of: usize) -> Vec<&'d Record> {
        self.all(|piece| matches!(piece, Piece::Trained { width, .. } if *width == of))
    }

    pub(super) fn functions(&self, of: usize) -> Vec<&'d Record> {
        self.all(|piece| matches!(piece, Piece::Functions { width, .. } if *width == of))
    }

    pub(super) fn components(&self, of: usize) -> Vec<&'d Record> {
        self.all(|piece| matches!(piece, Piece::Component { width, .. } if *width == of))
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
pub(super) fn mean_ratio(rows: &[&[f64]], limit: &[f64]) -> f64 {
    mean(&rows.iter().map(|row| mean(row)).collect::<Vec<_>>()) / mean(limit)
}

/// `Theta_after/Theta_before - 1`, of means over angles, the mean over networks.
pub(super) fn inflation(records: &[&Record]) -> Result<f64> {
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

    fn judged(self, claim: Claim) -> Judged {
        claim.judged(By::Pooled(self.all), self.each)
    }
}

pub(super) fn mean_of(name: &'static str) -> impl Fn(&[&Record]) -> Result<f64> {
    move |records| Ok(mean(&records.iter().map(|record| record.get(name)).collect::<Result<Vec<_>>>()?))
}

fn widest(widths: &[usize]) -> usize {
    widths.iter().copied().max().unwrap_or(0)
}

fn narrowest(widths: &[usize]) -> usize {
    widths.iter().copied().min().unwrap_or(0)
}

/// All of it.
pub(super) fn judge(s: &Settings, done: &[(Piece, Record)]) -> Result<Findings> {
    let done = record::Done(done);
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
    Ok(Findings {
        claims,
        figures: figures::all(s, &done)?,
        tables: vec![tables::widths(s, &done)?],
        notes,
        ..Findings::default()
    })
}

fn of_kernels(s: &Settings, done: &Done<'_>) -> Result<Vec<Judged>> {
    let limit = done.limit("theta")?;
    let widths = &s.kernel_widths;
    let off = |records: &[&Record]| Ok(deviation(&rows(records, "theta")?, limit));
    let at: Vec<Pooled> = widths.iter().map(|&width| Pooled::of(&done.kernels(width), off)).collect::<Result<_>>()?;
    let slope = Pooled::exponents(widths, &at).judged(claims::KERNEL_CONVERGES);

    let near = widths.iter().copied().min_by_key(|width| width.abs_diff(MEAN_WIDTH)).unwrap_or(MEAN_WIDTH);
    let ratio = |records: &[&Record]| Ok((mean_ratio(&rows(records, "theta")?, limit) - 1.0).abs());
    let centre = Pooled::of(&done.kernels(near), ratio)?.judged(claims::KERNEL_MEAN);

    let (narrow, wide) = (narrowest(&s.trained_widths), widest(&s.trained_widths));
    let grown = Pooled::of(&done.trained(wide), inflation)?.judged(claims::KERNEL_INFLATES);
    let each = done.trained(narrow).into_iter().zip(done.trained(wide));
    let less = Pooled {
        all: inflation(&done.trained(narrow))? / inflation(&done.trained(wide))?,
        each: each.map(|(a, b)| Ok(inflation(&[a])? / inflation(&[b])?)).collect::<Result<_>>()?,
    };
    Ok(vec![
        slope.at(range(widths)),
        centre.at(format!("n = {near}")),
        grown.at(format!("n = {wide}, {} steps", s.trained_steps)),
        less.judged(claims::KERNEL_STAYS).at(format!("n = {narrow} and {wide}")),
    ])
}

/// `50 to 1000`
fn range(widths: &[usize]) -> String {
    format!("{} to {}", narrowest(widths), widest(widths))
}

fn of_functions(s: &Settings, done: &Done<'_>) -> Result<Judged> {
    let (mean, spread) = (done.limit("mean")?, done.limit("deviation")?);
    let wide = widest(&s.function_widths);
    let records = done.functions(wide);
    let networks = rows(&records, "outputs")?.len();
    let off = |records: &[&Record]| Ok(percentiles_off(&rows(records, "outputs")?, mean, spread));
    let judged = Pooled::of(&records, off)?.judged(claims::FUNCTIONS_GAUSSIAN);
    Ok(judged.at(format!("{networks} networks, n = {wide}")))
}

fn of_components(s: &Settings, done: &Done<'_>) -> Result<Vec<Judged>> {
    let widths = &s.component_widths;
    let (narrow, wide) = (narrowest(widths), widest(widths));
    let most_across = |&width: &usize| Pooled::of(&done.components(width), mean_of("most_across"));
    let at: Vec<Pooled> = widths.iter().map(most_across).collect::<Result<_>>()?;
    let along = Pooled::of(&done.components(wide), mean_of("off_theory"))?;
    let ahead = |record: &&Record| {
        let (g, theory) = (record.values("along")?, record.values("theory")?);
        let end = g.len().saturating_sub(1);
        Ok((theory.data[end] - g.data[end]) / START)
    };
    let faster = done.components(narrow).iter().map(ahead).collect::<Result<_>>()?;
    let spectra = done.all(|piece| matches!(piece, Piece::Spectrum { .. }));
    let dominance = |record: &&Record| {
        let ratio = |name: &str| record.values(name).map(|values| values.data[0] / values.data[1]);
        Ok(ratio("eigenvalues_unit_bias")? / ratio("eigenvalues")?)
    };
    let dominance = spectra.iter().map(dominance).collect::<Result<_>>()?;
    Ok(vec![
        most_across(&wide)?.judged(claims::COMPONENT_ALONE).at(format!("n = {wide}")),
        Pooled::exponents(widths, &at).judged(claims::COMPONENT_ALONE_RATE).at(range(widths)),
        along.judged(claims::COMPONENT_DECAYS).at(format!("n = {wide}")),
        claims::NARROW_FASTER.judged(By::Mean, faster).at(format!("n = {narrow}")),
        claims::BIAS_DOMINATES.judged(By::Mean, dominance).at(format!("beta = {}", s.bias)),
    ])
}
