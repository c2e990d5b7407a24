//! What is known of each sample alone: its variance at every level, and its own entry of both kernels.
//!
//! Variances follow from closed forms in f64, whatever the kernel's type. A diagonal entry computed as a pair would need the
//! angle between a sample and itself: 0, but by way of an arc cosine it is some 1e-8.

use autodiff::Float;
use rayon::prelude::*;

use super::program::{Act, Affine, Program, Step};
use super::rule::{Cos, Dual, Erf, Gelu, Image, Pair, Rule, Sin};
use super::series::{Coefficients, Quadrature};
use crate::error::{Error, Result};

/// The samples of one side of a kernel.
pub(crate) struct Samples<R> {
    pub(crate) levels: Vec<Level<R>>,
    pub(crate) series: Vec<Coefficients<R>>,
    /// Each sample's own entries of the kernels.
    pub(crate) nngp: Vec<f64>,
    pub(crate) ntk: Vec<f64>,
}

/// Variances and deviations of all samples at a level.
#[derive(Clone, Default)]
pub(crate) struct Level<R> {
    pub(crate) q: Vec<R>,
    pub(crate) r: Vec<R>,
}

/// Both sides of a kernel (one, where it is symmetric) and the largest relative error of any series.
pub(crate) fn sides<R: Float>(
    program: &Program,
    inputs: [Option<Vec<f64>>; 2],
) -> Result<([Option<Samples<R>>; 2], f64)> {
    // Both sides pass the layers as one list of samples, so that a series is as long for the one as for the other.
    let first = inputs[0].as_ref().map_or(0, Vec::len);
    let second = inputs[1].is_some();
    let q: Vec<f64> = inputs.into_iter().flatten().flatten().collect();
    let mut walk = Walk::<R> {
        first,
        levels: vec![[Level::default(), Level::default()]; program.levels],
        series: Vec::new(),
        error: 0.0,
    };
    walk.keep(0, &q);
    let state = State { theta: vec![0.0; q.len()], q };
    let State { q, theta } = walk.steps(&program.steps, state)?;
    let mut levels = [Vec::new(), Vec::new()];
    for [a, b] in walk.levels {
        levels[0].push(a);
        levels[1].push(b);
    }
    let mut series = [Vec::new(), Vec::new()];
    for [a, b] in walk.series {
        series[0].push(a);
        series[1].push(b);
    }
    let [levels_a, levels_b] = levels;
    let [series_a, series_b] = series;
    let of = |levels, series, range: std::ops::Range<usize>| Samples {
        levels,
        series,
        nngp: q[range.clone()].to_vec(),
        ntk: theta[range].to_vec(),
    };
    let rows = of(levels_a, series_a, 0..first);
    let columns = second.then(|| of(levels_b, series_b, first..q.len()));
    Ok(([Some(rows), columns], walk.error))
}

struct Walk<R> {
    first: usize,
    levels: Vec<[Level<R>; 2]>,
    series: Vec<[Coefficients<R>; 2]>,
    error: f64,
}

#[derive(Clone)]
struct State {
    q: Vec<f64>,
    theta: Vec<f64>,
}

impl<R: Float> Walk<R> {
    fn keep(&mut self, level: usize, q: &[f64]) {
        let of = |q: &[f64]| Level {
            q: q.iter().map(|&q| R::from_f64(q)).collect(),
            r: q.iter().map(|q| R::from_f64(q.sqrt())).collect(),
        };
        let (a, b) = q.split_at(self.first);
        self.levels[level] = [of(a), of(b)];
    }

    fn steps(&mut self, steps: &[Step], mut state: State) -> Result<State> {
        for step in steps {
            state = match &step.act {
                Act::Affine(affine) => self.affine(affine, state),
                Act::Map(rule) => self.map(rule, state, &step.path)?,
                Act::Residual { branch, square, .. } => {
                    let of_branch = self.steps(branch, state.clone())?;
                    let sum = |x: Vec<f64>, y: Vec<f64>| x.iter().zip(y).map(|(x, y)| x + square * y).collect();
                    State { q: sum(state.q, of_branch.q), theta: sum(state.theta, of_branch.theta) }
                }
            };
            let finite = |x: &f64| R::from_f64(*x).is_finite();
            if let Some(sample) = (0..state.q.len()).find(|&i| !(finite(&state.q[i]) && finite(&state.theta[i]))) {
                let sample = if sample < self.first { sample } else { sample - self.first };
                return Err(Error::Overflow { what: "variance", place: format!("{}, sample {sample}", step.path) });
            }
            self.keep(step.to, &state.q);
        }
        Ok(state)
    }

    fn affine(&self, affine: &Affine, State { q, theta }: State) -> State {
        let theta =
            q.iter().zip(&theta).map(|(q, theta)| affine.own * q + affine.own_bias + affine.weight * theta).collect();
        State { q: q.iter().map(|q| affine.weight * q + affine.bias).collect(), theta }
    }

    fn map(&mut self, rule: &Rule, state: State, path: &str) -> Result<State> {
        match *rule {
            Rule::Rectifier(rectifier) => Ok(closed(rectifier, state)),
            Rule::Erf => Ok(closed(Erf, state)),
            Rule::Gelu => Ok(closed(Gelu, state)),
            Rule::Sin => Ok(closed(Sin, state)),
            Rule::Cos => Ok(closed(Cos, state)),
            Rule::Series { op, index } => {
                debug_assert_eq!(index, self.series.len());
                let r: Vec<f64> = state.q.iter().map(|q| q.sqrt()).collect();
                let largest = r.iter().copied().fold(0.0, f64::max);
                let quadrature = Quadrature::new(op, largest, R::EPSILON / 4.0, path)?;
                let (a, b) = r.split_at(self.first);
                let (a, mut moments, error_a) = Coefficients::new(&quadrature, a);
                let (b, of_b, error_b) = Coefficients::new(&quadrature, b);
                moments.extend(of_b);
                self.series.push([a, b]);
                self.error = self.error.max(error_a).max(error_b);
                let theta = state.theta.iter().zip(&moments).map(|(theta, m)| theta * m.slope_square).collect();
                Ok(State { q: moments.iter().map(|m| m.square).collect(), theta })
            }
        }
    }
}

fn closed(rule: impl Dual + Sync, State { q, theta }: State) -> State {
    let images: Vec<Image<f64>> =
        q.par_iter().with_min_len(1024).map(|&q| rule.image(Pair { qa: q, qb: q, s: q, k: q, gap: 0.0 })).collect();
    State {
        q: images.iter().map(|image| image.k).collect(),
        theta: images.iter().zip(theta).map(|(image, theta)| theta * image.dot).collect(),
    }
}
