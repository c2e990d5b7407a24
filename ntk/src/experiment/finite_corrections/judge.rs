//! What the moments say of the paper's claims.

use super::claims::{self, FIRST_ORDER, SEEN};
use super::{QUANTITIES, Settings, Task, figures, theory};
use crate::error::Result;
use crate::experiment::{By, Claim, Findings, Judged, Record};
use crate::statistics::jackknife;

pub(super) type Means = [f64; QUANTITIES];

/// A configuration, all seeds together.
pub(super) struct Configuration {
    pub(super) width: usize,
    pub(super) layers: usize,
    /// For each seed, its blocks.
    pub(super) seeds: Vec<Vec<Means>>,
}

/// A number and its standard error.
#[derive(Clone, Copy)]
pub(super) struct Measured {
    pub(super) value: f64,
    pub(super) error: f64,
}

impl Measured {
    /// How many standard errors it is from what is expected.
    fn off(self, expected: f64) -> f64 {
        (self.value - expected).abs() / self.error
    }
}

pub(super) fn mean_weights(m: &Means) -> f64 {
    m[0]
}

pub(super) fn weights(m: &Means) -> f64 {
    m[1] / (m[0] * m[0])
}

fn mean_biases(m: &Means) -> f64 {
    m[2]
}

pub(super) fn biases(m: &Means) -> f64 {
    m[3] / (m[2] * m[2])
}

fn output(m: &Means) -> f64 {
    m[5] / (m[4] * m[4])
}

/// `-E[Delta K_w] / (eta E[K_w])`
pub(super) fn drift(m: &Means) -> f64 {
    m[6] / m[0]
}

impl Configuration {
    pub(super) fn beta(&self) -> f64 {
        (self.layers - 1) as f64 / self.width as f64
    }

    fn name(&self) -> String {
        format!("n = {}, d = {}", self.width, self.layers)
    }

    pub(super) fn estimate(&self, of: impl Fn(&Means) -> f64) -> Measured {
        let blocks: Vec<Means> = self.seeds.iter().flatten().copied().collect();
        let (value, error) = jackknife(&blocks, of);
        Measured { value, error }
    }

    /// The estimate of each seed alone.
    fn of_seeds(&self, of: impl Fn(&Means) -> f64) -> Vec<f64> {
        self.seeds.iter().map(|blocks| jackknife(blocks, &of).0).collect()
    }
}

fn configurations(settings: &Settings, done: &[(Task, Record)]) -> Result<Vec<Configuration>> {
    let of = |(&width, &layers): (&usize, &usize)| {
        let own = done.iter().filter(|(task, _)| (task.width, task.layers) == (width, layers));
        let blocks = |(_, record): &(Task, Record)| -> Result<Vec<Means>> {
            Ok(record.values("means")?.data.as_chunks::<QUANTITIES>().0.to_vec())
        };
        let seeds = own.map(blocks).collect::<Result<_>>()?;
        Ok(Configuration { width, layers, seeds })
    };
    settings.widths.iter().zip(&settings.layers).map(of).collect()
}

pub(super) fn judge(settings: &Settings, done: &[(Task, Record)]) -> Result<Findings> {
    let all = configurations(settings, done)?;
    let mut findings = Findings { claims: judged(&all), ..Findings::default() };
    findings.figures = vec![figures::fluctuations(&all), figures::drifts(&all)];
    findings.tables = vec![figures::table(settings, &all)?];
    findings.notes = vec![
        "The mean of K^2 is carried by few networks once beta is large: means are then low, and their errors too small.".into(),
        "`independent` in the table takes mask and weights of a layer that one part passes forwards and the other backwards \
         for independent. They are not: the exact moments are larger, and grow as exp(5 beta) / 3."
            .into(),
    ];
    Ok(findings)
}

/// The claims that the configurations allow.
fn judged(all: &[Configuration]) -> Vec<Judged> {
    let seen: Vec<&Configuration> = all.iter().filter(|c| c.beta() <= SEEN && c.layers > 1).collect();
    let rare: Vec<&Configuration> = all.iter().filter(|c| c.beta() > SEEN).collect();
    let first: Vec<&Configuration> = seen.iter().copied().filter(|c| c.beta() <= FIRST_ORDER).collect();
    let of_weights = |c: &Configuration| theory::weights(c.width, c.layers);
    let of_biases = |c: &Configuration| theory::biases(c.width, c.layers);
    [
        errors(claims::FLUCTUATIONS, &seen, weights, of_weights),
        slope(&seen),
        steepest(&seen),
        collapse(&seen),
        limit(&seen),
        first_step(&first),
        errors(claims::BIAS_FLUCTUATIONS, &seen, biases, of_biases),
        errors(claims::MEAN_WEIGHTS, &seen, mean_weights, |c| c.layers as f64),
        errors(claims::MEAN_BIASES, &seen, mean_biases, |c| theory::biases_mean(c.layers)),
        errors(claims::OUTPUT, &seen, output, |c| theory::output(c.width, c.layers)),
        errors(claims::HEAVY_TAIL, &rare, weights, of_weights),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The largest distance of a quantity from its exact value, in standard errors.
fn errors(
    claim: Claim,
    of: &[&Configuration],
    quantity: impl Fn(&Means) -> f64 + Copy,
    expected: impl Fn(&Configuration) -> f64 + Copy,
) -> Option<Judged> {
    let seeds = of.first()?.seeds.len();
    let off = |blocks: &[Means], c: &Configuration| {
        let (value, error) = jackknife(blocks, quantity);
        Measured { value, error }.off(expected(c))
    };
    let largest = |off: &dyn Fn(&Configuration) -> f64| of.iter().map(|c| off(c)).fold(0.0, f64::max);
    let each = (0..seeds).map(|seed| largest(&|c| off(&c.seeds[seed], c))).collect();
    Some(claim.judged(By::Pooled(largest(&|c| c.estimate(quantity).off(expected(c)))), each).error(None))
}

/// `ln(E[K^2]/E[K]^2) / beta`
fn exponent(c: &Configuration) -> impl Fn(&Means) -> f64 + Copy {
    let beta = c.beta();
    move |m: &Means| weights(m).ln() / beta
}

fn most_layers<'c>(of: &[&'c Configuration]) -> Option<&'c Configuration> {
    of.iter().copied().max_by_key(|c| (c.layers, c.width))
}

fn slope(seen: &[&Configuration]) -> Option<Judged> {
    let deepest = most_layers(seen).filter(|c| c.layers >= 9)?;
    let found = deepest.estimate(exponent(deepest));
    let each = deepest.of_seeds(exponent(deepest));
    Some(claims::EXPONENT.judged(By::Pooled(found.value), each).error(found.error).at(deepest.name()))
}

fn steepest(seen: &[&Configuration]) -> Option<Judged> {
    let steepest = |of: &dyn Fn(&Configuration) -> f64| seen.iter().map(|c| of(c)).fold(f64::NEG_INFINITY, f64::max);
    let seeds = seen.first()?.seeds.len();
    let each = (0..seeds).map(|seed| steepest(&|c| c.of_seeds(exponent(c))[seed])).collect();
    let all = steepest(&|c| c.estimate(exponent(c)).value);
    Some(claims::EXPONENT_BELOW_5.judged(By::Pooled(all), each).error(None))
}

/// The configurations of the beta that most of them share.
pub(super) fn alike<'c>(seen: &[&'c Configuration]) -> Vec<&'c Configuration> {
    let of = |c: &Configuration| seen.iter().copied().filter(|other| other.beta() == c.beta()).collect::<Vec<_>>();
    seen.iter().map(|c| of(c)).max_by_key(Vec::len).unwrap_or_default()
}

fn collapse(seen: &[&Configuration]) -> Option<Judged> {
    let alike = alike(seen);
    let spread = |of: &dyn Fn(&Configuration) -> f64| {
        let values: Vec<f64> = alike.iter().map(|c| of(c)).collect();
        values.iter().copied().fold(f64::NEG_INFINITY, f64::max) / values.iter().copied().fold(f64::INFINITY, f64::min)
            - 1.0
    };
    let seeds = alike.first().filter(|_| alike.len() >= 2)?.seeds.len();
    let each = (0..seeds).map(|seed| spread(&|c| c.of_seeds(weights)[seed])).collect();
    let all = spread(&|c| c.estimate(weights).value);
    Some(claims::COLLAPSE.judged(By::Pooled(all), each).error(None).at(format!("beta = {}", alike[0].beta())))
}

fn limit(seen: &[&Configuration]) -> Option<Judged> {
    let deepest = most_layers(seen).filter(|c| c.layers >= 17)?;
    let expected = theory::weights_limit(deepest.beta());
    let found = deepest.estimate(weights);
    let each = deepest.of_seeds(weights).into_iter().map(|x| x / expected).collect();
    let judged = claims::LIMIT.judged(By::Pooled(found.value / expected), each);
    Some(judged.error(found.error / expected).at(format!("{}, where it is {expected:.4}", deepest.name())))
}

fn first_step(first: &[&Configuration]) -> Option<Judged> {
    let of = |c: &Configuration| {
        let scale = c.layers as f64 * c.beta();
        move |m: &Means| drift(m) / scale
    };
    let worst = |of: &dyn Fn(&Configuration) -> f64| {
        claims::DRIFT.threshold.worst(&first.iter().map(|c| of(c)).collect::<Vec<_>>())
    };
    let seeds = first.first()?.seeds.len();
    let each = (0..seeds).map(|seed| worst(&|c| c.of_seeds(of(c))[seed])).collect();
    Some(claims::DRIFT.judged(By::Pooled(worst(&|c| c.estimate(of(c)).value)), each).error(None))
}
