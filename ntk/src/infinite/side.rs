//! What is known of each sample alone: its variance at every level, and its own entry of both kernels.
//!
//! Variances follow from closed forms in f64, whatever the kernel's type. A diagonal entry computed as a pair would need the
//! angle between a sample and itself: 0, but by way of an arc cosine it is some 1e-8.
//!
//! Where positions are averaged, the variance of an average asks for covariances between positions: such samples pass the
//! layers before the read-out as pairs with themselves, a step at a time ([`super::own`]).

use autodiff::Float;
use rayon::prelude::*;

use super::own::{Own, joined};
use super::program::{Act, Affine, Join, Mode, Norm, Polynomial, Program, Recurrent, Step};
use super::rule::Rule;
use super::series::{Coefficients, Quadrature};
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
    /// For each polynomial layer the mean of its activation, `[n]`.
    pub(crate) means: Vec<Vec<R>>,
    /// For each attention its weights, `[n, positions, positions]`.
    pub(crate) attention: Vec<Vec<R>>,
    /// Whether a position is there, `[n, positions]`, where the data has a mask.
    pub(crate) there: Vec<bool>,
}

impl<R> Samples<R> {
    pub(crate) fn new(count: usize, levels: usize) -> Self
    where
        R: Clone,
        Level<R>: Default,
    {
        Self {
            count,
            levels: vec![Level::default(); levels],
            series: Vec::new(),
            nngp: Vec::new(),
            ntk: Vec::new(),
            read_out: Vec::new(),
            means: Vec::new(),
            attention: Vec::new(),
            there: Vec::new(),
        }
    }
}

/// Variances and deviations of all samples at a level, `[positions, n]` or in [`Mode::Full`] `[n, positions]`.
#[derive(Clone, Default)]
pub(crate) struct Level<R> {
    pub(crate) q: Vec<R>,
    pub(crate) r: Vec<R>,
}

impl<R: Float> Level<R> {
    pub(crate) fn new(q: &[f64]) -> Self {
        Self { q: q.iter().map(|&q| R::from_f64(q)).collect(), r: q.iter().map(|q| R::from_f64(q.sqrt())).collect() }
    }
}

/// Both sides of a kernel (one, where it is symmetric) and the largest relative error of any series.
///
/// `own` gives the covariances between the positions of a sample of a side, `there` which of a side's positions are there.
pub(crate) fn sides<R: Float>(
    program: &Program,
    counts: [usize; 2],
    inputs: [&[f64]; 2],
    there: [&[bool]; 2],
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
    let mut sides = counts.map(|count| Samples::new(count, program.levels));
    for (side, there) in sides.iter_mut().zip(there) {
        side.there = there.to_vec();
    }
    let mut walk =
        Walk::<R> { sides, quadratures: Vec::new(), error: 0.0, keeps: program.mode != Mode::Full, there: Vec::new() };
    walk.there = walk.sides.iter().flat_map(|side| &side.there).copied().collect();
    walk.keep(0, &q);
    let state = walk.steps(&program.head, State { theta: vec![0.0; q.len()], q })?;
    let state = match program.mode {
        Mode::Flat => state,
        Mode::Diagonal => state.mean(n),
        Mode::Full => {
            let quadratures = std::mem::take(&mut walk.quadratures);
            let mut flat = State { q: Vec::new(), theta: Vec::new() };
            for (side, of_side) in walk.sides.iter_mut().enumerate() {
                let there = std::mem::take(&mut of_side.there);
                let found: Vec<Own<R>> = (0..of_side.count)
                    .into_par_iter()
                    .map(|sample| {
                        let there = there.chunks_exact(program.positions).nth(sample).unwrap_or_default();
                        Own::new(program, &quadratures, masks, there, |k| own(side, sample, k))
                    })
                    .collect::<Result<_>>()?;
                let (samples, error) = joined(program, found);
                *of_side = Samples { there, ..samples };
                walk.error = walk.error.max(error);
                flat.q.extend(of_side.read_out.iter().map(|(k, _)| k.to_f64()));
                flat.theta.extend(of_side.read_out.iter().map(|(_, theta)| theta.to_f64()));
            }
            walk.keeps = true;
            flat
        }
    };
    walk.keep(program.flat_level, &state.q);
    let State { q, theta } = walk.steps(&program.tail, state)?;
    let first = counts[0];
    let [rows, columns] = &mut walk.sides;
    (rows.nngp, rows.ntk) = (q[..first].to_vec(), theta[..first].to_vec());
    (columns.nngp, columns.ntk) = (q[first..].to_vec(), theta[first..].to_vec());
    Ok((walk.sides, walk.error))
}

struct Walk<R> {
    sides: [Samples<R>; 2],
    /// Of the head, where it is only walked for bounds of the variances.
    quadratures: Vec<Quadrature>,
    error: f64,
    /// Whether levels and series are kept.
    keeps: bool,
    /// Of all samples.
    there: Vec<bool>,
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

    /// The largest of all positions, for each sample at each position.
    fn largest(self, n: usize) -> Self {
        let of = |x: Vec<f64>| {
            let top = |i: usize| x.iter().skip(i % n).step_by(n).copied().fold(0.0, f64::max);
            let tops: Vec<f64> = (0..n).map(top).collect();
            (0..x.len()).map(|i| tops[i % n]).collect()
        };
        Self { q: of(self.q), theta: of(self.theta) }
    }

    /// Joins what leaves a branch.
    fn join(self, branch: Self, share: f64, join: Join) -> Self {
        match join {
            Join::Sum => {
                let sum = |x: Vec<f64>, y: Vec<f64>| x.iter().zip(y).map(|(x, y)| x + share * y).collect();
                Self { q: sum(self.q, branch.q), theta: sum(self.theta, branch.theta) }
            }
            Join::Product => {
                let (a, b) = (self.q.iter().zip(&self.theta), branch.q.iter().zip(&branch.theta));
                let theta = a.zip(b).map(|((q, theta), (other, of_other))| theta * other + q * of_other).collect();
                Self { theta, q: self.q.iter().zip(branch.q).map(|(x, y)| x * y).collect() }
            }
        }
    }
}

impl<R: Float> Walk<R> {
    /// `[positions, n]` of both sides as one list a side.
    fn split(&self, q: &[f64]) -> [Vec<f64>; 2] {
        let [first, second] = [self.sides[0].count, self.sides[1].count];
        let rows = || q.chunks_exact((first + second).max(1));
        [rows().flat_map(|q| &q[..first]).copied().collect(), rows().flat_map(|q| &q[first..]).copied().collect()]
    }

    fn samples(&self) -> usize {
        self.sides[0].count + self.sides[1].count
    }

    fn keep(&mut self, level: usize, q: &[f64]) {
        if self.keeps {
            let parts = self.split(q);
            for (side, q) in self.sides.iter_mut().zip(parts) {
                side.levels[level] = Level::new(&q);
            }
        }
    }

    fn steps(&mut self, steps: &[Step], mut state: State) -> Result<State> {
        for step in steps {
            state = match &step.act {
                Act::Affine(affine) => affine_of(affine, state),
                Act::Norm(norm) => norm_of(norm, state),
                Act::Map(rule) => self.map(*rule, state, &step.path)?.0,
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
                Act::Join { branches, join } => {
                    let mut joined: Option<State> = None;
                    for branch in branches {
                        let left = self.steps(&branch.steps, state.clone())?;
                        let share = if *join == Join::Sum { branch.share } else { 1.0 };
                        let all = match joined {
                            Some(joined) => joined.join(left, share, *join),
                            None => State {
                                q: left.q.iter().map(|q| share * q).collect(),
                                theta: left.theta.iter().map(|theta| share * theta).collect(),
                            },
                        };
                        self.keep(branch.joined, &all.q);
                        joined = Some(all);
                    }
                    joined.unwrap_or(state)
                }
                Act::Polynomial(polynomial) => self.polynomial(polynomial, state)?,
                Act::Recurrent(recurrent) => self.recurrent(recurrent, state)?,
                // A bound: no mean of positions has more variance than the largest.
                Act::Attend { .. } => state.largest(self.samples()),
            };
            self.check(&state, &step.path)?;
            self.keep(step.to, &state.q);
        }
        Ok(state)
    }

    fn check(&self, state: &State, path: &str) -> Result<()> {
        let finite = |x: &f64| R::from_f64(*x).is_finite();
        let Some(at) = (0..state.q.len()).find(|&i| !(finite(&state.q[i]) && finite(&state.theta[i]))) else {
            return Ok(());
        };
        let (sample, first) = (at % self.samples(), self.sides[0].count);
        let sample = if sample < first { sample } else { sample - first };
        Err(Error::Overflow { what: "variance", place: format!("{path}, sample {sample}") })
    }

    /// An activation, and its quadrature where it has no closed form.
    fn map(&mut self, rule: Rule, state: State, path: &str) -> Result<(State, Option<Quadrature>)> {
        let mut quadrature = None;
        if let Rule::Series { op, .. } = rule {
            let largest = state.q.iter().copied().fold(0.0, f64::max).sqrt();
            quadrature = Some(Quadrature::new(op, largest, R::EPSILON / 4.0, path)?);
        }
        let images: Vec<(f64, f64)> =
            state.q.par_iter().with_min_len(16).map(|&q| rule.squares(q, quadrature.as_ref())).collect();
        if let Some(found) = &quadrature {
            self.expand(found, &state.q);
        }
        let theta = state.theta.iter().zip(&images).map(|(theta, (_, slope))| theta * slope).collect();
        let state = State { q: images.iter().map(|(square, _)| *square).collect(), theta };
        if self.keeps {
            return Ok((state, quadrature));
        }
        self.quadratures.extend(quadrature);
        Ok((state, None))
    }

    /// Keeps the series of values of these variances.
    fn expand(&mut self, quadrature: &Quadrature, q: &[f64]) {
        if !self.keeps {
            return;
        }
        let r: Vec<f64> = q.iter().map(|q| q.sqrt()).collect();
        let parts = self.split(&r);
        for (side, r) in self.sides.iter_mut().zip(parts) {
            let (coefficients, _, error) = Coefficients::new(quadrature, &r);
            self.error = self.error.max(error);
            side.series.push(coefficients);
        }
    }

    fn polynomial(&mut self, of: &Polynomial, state: State) -> Result<State> {
        let inner = affine_of(&of.affine, state);
        self.keep(of.map.from, &inner.q);
        let ones = State { q: inner.q.clone(), theta: vec![1.0; inner.q.len()] };
        let (image, means) = match of.map.act {
            Act::Map(rule) => {
                let (image, quadrature) = self.map(rule, ones, &of.map.path)?;
                (image, inner.q.iter().map(|&q| rule.mean(q, quadrature.as_ref())).collect())
            }
            _ => (ones, vec![0.0; inner.q.len()]),
        };
        self.keep(of.map.to, &image.q);
        let parts = self.split(&means);
        for (side, means) in self.sides.iter_mut().zip(parts) {
            side.means.push(means.into_iter().map(R::from_f64).collect());
        }
        let mut state = inner;
        for (i, mean) in means.iter().enumerate() {
            let v = image.q[i];
            let factor = if of.skip { 1.0 + 2.0 * mean + v } else { v };
            let (mut whole, mut before) = (1.0, 0.0);
            for _ in 1..of.degree {
                before = before * factor + whole * v;
                whole *= factor;
            }
            state.q[i] = v * whole;
            state.theta[i] *= image.theta[i] * (whole + before);
        }
        Ok(state)
    }

    fn recurrent(&mut self, of: &Recurrent, mut state: State) -> Result<State> {
        let n = self.samples();
        let times = state.q.len() / n.max(1);
        let rule = match of.map.act {
            Act::Map(rule) => Some(rule),
            _ => None,
        };
        let mut quadrature: Option<(Quadrature, f64)> = None;
        for t in 0..times {
            for i in 0..n {
                let (at, last) = (t * n + i, (t * n + i).wrapping_sub(n));
                if t > 0 {
                    let (q, theta) = (state.q[last], state.theta[last]);
                    state.q[at] += of.state.weight * q;
                    state.theta[at] += of.state.own * q + of.state.weight * theta;
                }
            }
            if let Some(Rule::Series { op, .. }) = rule {
                // One for all times: of the largest deviation, with room, made anew where that is passed.
                let largest = state.q[t * n..][..n].iter().copied().fold(0.0, f64::max).sqrt();
                if quadrature.as_ref().is_none_or(|(_, bound)| largest > *bound) {
                    let bound = 1.25 * largest;
                    quadrature = Some((Quadrature::new(op, bound, R::EPSILON / 4.0, &of.map.path)?, bound));
                }
            }
            for i in 0..n {
                let at = t * n + i;
                if of.masked && !self.there[i * times + t] {
                    (state.q[at], state.theta[at]) =
                        if t > 0 { (state.q[at - n], state.theta[at - n]) } else { (0.0, 0.0) };
                } else if let Some(rule) = rule {
                    let (square, slope) = rule.squares(state.q[at], quadrature.as_ref().map(|(found, _)| found));
                    (state.q[at], state.theta[at]) = (square, state.theta[at] * slope);
                }
            }
        }
        // Sequences are pairs of positions: their own tables are made in `own`.
        self.quadratures.extend(quadrature.map(|(found, _)| found));
        Ok(state)
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
