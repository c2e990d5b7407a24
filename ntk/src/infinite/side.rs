//! What is known of each sample alone: its variance at every level, and its own entry of both kernels.
//!
//! Variances follow from closed forms in f64, whatever the kernel's type. A diagonal entry computed as a pair would need the
//! angle between a sample and itself: 0, but by way of an arc cosine it is some 1e-8.
//!
//! Where positions are averaged, the variance of an average asks for covariances between positions: such samples pass the
//! layers before the read-out as pairs with themselves, a step at a time ([`Own`]).

use autodiff::Float;
use rayon::prelude::*;

use super::line::Place;
use super::program::{Act, Affine, Mode, Norm, Program, ReadOut, Step};
use super::rule::{Cos, Dual, Erf, Gelu, Image, Pair, Rule, Sin};
use super::series::{Coefficients, Quadrature};
use super::sheet::Sheet;
use super::window::Masks;
use crate::error::{Error, Result};

/// The samples of one side of a kernel.
pub(crate) struct Samples<R> {
    pub(crate) count: usize,
    pub(crate) levels: Vec<Level<R>>,
    pub(crate) series: Vec<Coefficients<R>>,
    /// Each sample's own entries of the kernels.
    pub(crate) nngp: Vec<f64>,
    pub(crate) ntk: Vec<f64>,
    /// The same at the read-out, where positions are averaged.
    pub(crate) read_out: Vec<(R, R)>,
}

/// Variances and deviations of all samples at a level, `[positions, n]` or in [`Mode::Full`] `[n, positions]`.
#[derive(Clone, Default)]
pub(crate) struct Level<R> {
    pub(crate) q: Vec<R>,
    pub(crate) r: Vec<R>,
}

impl<R: Float> Level<R> {
    fn new(q: &[f64]) -> Self {
        Self { q: q.iter().map(|&q| R::from_f64(q)).collect(), r: q.iter().map(|q| R::from_f64(q.sqrt())).collect() }
    }
}

/// Both sides of a kernel (one, where it is symmetric) and the largest relative error of any series.
///
/// `own` gives the covariances between the positions of a sample of a side.
pub(crate) fn sides<R: Float>(
    program: &Program,
    counts: [usize; 2],
    inputs: [&[f64]; 2],
    own: impl Fn(usize, usize, &mut Vec<R>) + Sync,
    masks: &[Masks<R>],
) -> Result<([Samples<R>; 2], f64)> {
    // Both sides pass the layers as one list of samples, so that a series is as long for the one as for the other.
    let n = counts[0] + counts[1];
    let mut q = Vec::with_capacity(n * program.positions);
    for position in 0..program.positions {
        for (input, count) in inputs.iter().zip(counts) {
            q.extend_from_slice(&input[position * count..][..count]);
        }
    }
    let mut walk = Walk::<R> {
        counts,
        levels: vec![[Level::default(), Level::default()]; program.levels],
        series: Vec::new(),
        quadratures: Vec::new(),
        error: 0.0,
        keeps: program.mode != Mode::Full,
    };
    walk.keep(0, &q);
    let state = walk.steps(&program.head, State { theta: vec![0.0; q.len()], q })?;
    let mut of_read_out = [Vec::new(), Vec::new()];
    let state = match program.mode {
        Mode::Flat => state,
        Mode::Diagonal => state.mean(n),
        Mode::Full => {
            let quadratures = std::mem::take(&mut walk.quadratures);
            let mut flat = State { q: Vec::new(), theta: Vec::new() };
            for (side, &count) in counts.iter().enumerate() {
                let found: Vec<Own<R>> = (0..count)
                    .into_par_iter()
                    .map(|sample| Own::new(program, &quadratures, masks, |k| own(side, sample, k)))
                    .collect::<Result<_>>()?;
                let (levels, series, read_out, error) = joined(program, found);
                for (level, table) in levels.into_iter().enumerate() {
                    walk.levels[level][side] = table;
                }
                for (index, coefficients) in series.into_iter().enumerate() {
                    if side == 0 {
                        walk.series.push([coefficients, Coefficients::empty()]);
                    } else {
                        walk.series[index][1] = coefficients;
                    }
                }
                walk.error = walk.error.max(error);
                flat.q.extend(read_out.iter().map(|(k, _)| k.to_f64()));
                flat.theta.extend(read_out.iter().map(|(_, theta)| theta.to_f64()));
                of_read_out[side] = read_out;
            }
            walk.keeps = true;
            flat
        }
    };
    walk.keep(program.flat_level, &state.q);
    let State { q, theta } = walk.steps(&program.tail, state)?;
    let (mut levels, mut series) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for [a, b] in walk.levels {
        levels[0].push(a);
        levels[1].push(b);
    }
    for [a, b] in walk.series {
        series[0].push(a);
        series[1].push(b);
    }
    let mut at = 0;
    let mut parts =
        levels.into_iter().zip(series).zip(counts).zip(of_read_out).map(|(((levels, series), count), read_out)| {
            at += count;
            let range = at - count..at;
            let (nngp, ntk) = (q[range.clone()].to_vec(), theta[range].to_vec());
            Samples { count, levels, series, nngp, ntk, read_out }
        });
    let (rows, columns) = (parts.next(), parts.next());
    drop(parts);
    match (rows, columns) {
        (Some(rows), Some(columns)) => Ok(([rows, columns], walk.error)),
        _ => Err(Error::Bug("a kernel of no sides".into())),
    }
}

struct Walk<R> {
    counts: [usize; 2],
    levels: Vec<[Level<R>; 2]>,
    series: Vec<[Coefficients<R>; 2]>,
    /// Of the head, where it is only walked for bounds of the variances.
    quadratures: Vec<Quadrature>,
    error: f64,
    /// Whether levels and series are kept.
    keeps: bool,
}

/// Variances and tangent kernels of all samples with themselves, `[positions, n]`.
#[derive(Clone)]
struct State {
    q: Vec<f64>,
    theta: Vec<f64>,
}

impl State {
    /// The mean over positions.
    fn mean(self, n: usize) -> Self {
        let of = |x: Vec<f64>| {
            let positions = x.len() / n.max(1);
            (0..n).map(|i| (0..positions).map(|p| x[p * n + i]).sum::<f64>() / positions as f64).collect()
        };
        Self { q: of(self.q), theta: of(self.theta) }
    }
}

impl<R: Float> Walk<R> {
    /// `[positions, n]` of both sides as one list a side.
    fn split(&self, q: &[f64]) -> [Vec<f64>; 2] {
        let [first, second] = self.counts;
        let rows = || q.chunks_exact((first + second).max(1));
        [rows().flat_map(|q| &q[..first]).copied().collect(), rows().flat_map(|q| &q[first..]).copied().collect()]
    }

    fn keep(&mut self, level: usize, q: &[f64]) {
        if self.keeps {
            self.levels[level] = self.split(q).map(|q| Level::new(&q));
        }
    }

    fn steps(&mut self, steps: &[Step], mut state: State) -> Result<State> {
        for step in steps {
            state = match &step.act {
                Act::Affine(affine) => affine_of(affine, state),
                Act::Norm(norm) => norm_of(norm, state),
                Act::Map(rule) => self.map(rule, state, &step.path)?,
                Act::Window { window, .. } => {
                    let n = state.q.len() / window.inputs();
                    let (mut between, mut summed) = (Vec::new(), Vec::new());
                    let mut of = |x: &[f64]| {
                        window.sums(x, n, &mut between, &mut summed);
                        std::mem::take(&mut summed)
                    };
                    let mut state = State { q: of(&state.q), theta: of(&state.theta) };
                    if window.crossed {
                        // A bound: no average has more variance than the mean of those it is made of.
                        let taps = (window.rows.taps.len() * window.columns.taps.len()) as f64;
                        state.q.iter_mut().chain(&mut state.theta).for_each(|x| *x *= taps);
                    }
                    state
                }
                Act::Residual { branch, square, .. } => {
                    let of_branch = self.steps(branch, state.clone())?;
                    let sum = |x: Vec<f64>, y: Vec<f64>| x.iter().zip(y).map(|(x, y)| x + square * y).collect();
                    State { q: sum(state.q, of_branch.q), theta: sum(state.theta, of_branch.theta) }
                }
            };
            let finite = |x: &f64| R::from_f64(*x).is_finite();
            if let Some(at) = (0..state.q.len()).find(|&i| !(finite(&state.q[i]) && finite(&state.theta[i]))) {
                let sample = at % (self.counts[0] + self.counts[1]);
                let sample = if sample < self.counts[0] { sample } else { sample - self.counts[0] };
                return Err(Error::Overflow { what: "variance", place: format!("{}, sample {sample}", step.path) });
            }
            self.keep(step.to, &state.q);
        }
        Ok(state)
    }

    fn map(&mut self, rule: &Rule, state: State, path: &str) -> Result<State> {
        match *rule {
            Rule::Rectifier(rectifier) => Ok(closed(rectifier, state)),
            Rule::Erf => Ok(closed(Erf, state)),
            Rule::Gelu => Ok(closed(Gelu, state)),
            Rule::Sin => Ok(closed(Sin, state)),
            Rule::Cos => Ok(closed(Cos, state)),
            Rule::Series { op, .. } => {
                let r: Vec<f64> = state.q.iter().map(|q| q.sqrt()).collect();
                let largest = r.iter().copied().fold(0.0, f64::max);
                let quadrature = Quadrature::new(op, largest, R::EPSILON / 4.0, path)?;
                let moments: Vec<_> = r.par_iter().map(|&r| quadrature.moments(r)).collect();
                if self.keeps {
                    let [a, b] = self.split(&r).map(|r| Coefficients::new(&quadrature, &r));
                    self.error = self.error.max(a.2).max(b.2);
                    self.series.push([a.0, b.0]);
                } else {
                    self.quadratures.push(quadrature);
                }
                let theta = state.theta.iter().zip(&moments).map(|(theta, m)| theta * m.slope_square).collect();
                Ok(State { q: moments.iter().map(|m| m.square).collect(), theta })
            }
        }
    }
}

fn affine_of(affine: &Affine, State { q, theta }: State) -> State {
    let theta =
        q.iter().zip(&theta).map(|(q, theta)| affine.own * q + affine.own_bias + affine.weight * theta).collect();
    State { q: q.iter().map(|q| affine.weight * q + affine.bias).collect(), theta }
}

fn norm_of(norm: &Norm, State { q, theta }: State) -> State {
    let theta =
        q.iter().zip(&theta).map(|(q, theta)| (norm.own * q + theta) / (q + norm.eps) + norm.own_bias).collect();
    State { q: q.iter().map(|q| q / (q + norm.eps)).collect(), theta }
}

fn closed(rule: impl Dual + Sync, State { q, theta }: State) -> State {
    let images: Vec<Image<f64>> =
        q.par_iter().with_min_len(1024).map(|&q| rule.image(Pair { qa: q, qb: q, s: q, k: q, gap: 0.0 })).collect();
    State {
        q: images.iter().map(|image| image.k).collect(),
        theta: images.iter().zip(theta).map(|(image, theta)| theta * image.dot).collect(),
    }
}

/// A sample that passes the head as a pair with itself.
struct Own<R> {
    /// One sample's levels and series.
    samples: Samples<R>,
    error: f64,
}

impl<R: Float> Own<R> {
    fn new(
        program: &Program,
        quadratures: &[Quadrature],
        masks: &[Masks<R>],
        own: impl FnOnce(&mut Vec<R>),
    ) -> Result<Self> {
        let mut k = Vec::new();
        own(&mut k);
        let mut sheet = Sheet::of(k);
        let samples = Samples {
            count: 1,
            levels: vec![Level::default(); program.levels],
            series: Vec::new(),
            nngp: Vec::new(),
            ntk: Vec::new(),
            read_out: Vec::new(),
        };
        let mut own = Self { samples, error: 0.0 };
        own.keep(0, &sheet, program.positions);
        let positions = own.steps(&program.head, quadratures, masks, &mut sheet, program.positions)?;
        own.samples.read_out.push(sheet.mean(positions, program.read_out == ReadOut::Flatten));
        Ok(own)
    }

    fn keep(&mut self, level: usize, sheet: &Sheet<R>, positions: usize) {
        let q: Vec<f64> = sheet.k.iter().step_by(positions + 1).map(|q| q.to_f64()).collect();
        self.samples.levels[level] = Level::new(&q);
    }

    fn steps(
        &mut self,
        steps: &[Step],
        quadratures: &[Quadrature],
        masks: &[Masks<R>],
        sheet: &mut Sheet<R>,
        mut positions: usize,
    ) -> Result<usize> {
        for step in steps {
            if let Act::Map(Rule::Series { index, .. }) = step.act {
                let r: Vec<f64> = self.samples.levels[step.from].r.iter().map(|r| r.to_f64()).collect();
                let (coefficients, _, error) = Coefficients::new(&quadratures[index], &r);
                self.error = self.error.max(error);
                self.samples.series.push(coefficients);
            }
            if let Act::Residual { branch, square, .. } = &step.act {
                let mut inner = sheet.branch();
                self.steps(branch, quadratures, masks, &mut inner, positions)?;
                sheet.join(&inner, *square);
            } else {
                let samples = &self.samples;
                let place = Place {
                    rows: samples,
                    row: 0,
                    position: 0,
                    columns: samples,
                    from: 0,
                    mode: Mode::Full,
                    tracked: false,
                };
                positions = sheet.run(std::slice::from_ref(step), &place, masks, positions);
            }
            self.keep(step.to, sheet, positions);
        }
        Ok(positions)
    }
}

/// The tables of samples one after another, `[n, positions]`.
#[allow(clippy::type_complexity)] // what a side is made of
fn joined<R: Float>(program: &Program, own: Vec<Own<R>>) -> (Vec<Level<R>>, Vec<Coefficients<R>>, Vec<(R, R)>, f64) {
    let levels = (0..program.levels)
        .map(|level| Level {
            q: own.iter().flat_map(|own| &own.samples.levels[level].q).copied().collect(),
            r: own.iter().flat_map(|own| &own.samples.levels[level].r).copied().collect(),
        })
        .collect();
    let count = own.first().map_or(0, |own| own.samples.series.len());
    let series =
        (0..count).map(|index| Coefficients::joined(own.iter().map(|own| &own.samples.series[index]))).collect();
    let read_out = own.iter().map(|own| own.samples.read_out[0]).collect();
    let error = own.iter().map(|own| own.error).fold(0.0, f64::max);
    (levels, series, read_out, error)
}
