//! Samples that pass the layers before the read-out as pairs with themselves, where positions meet others.

use autodiff::Float;

use super::line::Place;
use super::program::{Act, Join, Mode, Program, Recurrent, Step};
use super::rule::Rule;
use super::sequence::softmax;
use super::series::{Coefficients, Quadrature};
use super::sheet::Sheet;
use super::side::{Level, Samples};
use super::window::Masks;
use crate::error::Result;

/// A sample that passes the head as a pair with itself.
pub(crate) struct Own<R> {
    /// One sample's levels and series.
    samples: Samples<R>,
    error: f64,
}

/// What all samples have in common.
struct Common<'c, R> {
    quadratures: &'c [Quadrature],
    masks: &'c [Masks<R>],
}

impl<R: Float> Own<R> {
    pub(crate) fn new(
        program: &Program,
        quadratures: &[Quadrature],
        masks: &[Masks<R>],
        there: &[bool],
        own: impl FnOnce(&mut Vec<R>),
    ) -> Result<Self> {
        let mut k = Vec::new();
        own(&mut k);
        let mut sheet = Sheet::of(k);
        let samples = Samples { there: there.to_vec(), ..Samples::new(1, program.levels) };
        let mut own = Self { samples, error: 0.0 };
        own.keep(0, &sheet, program.positions);
        let positions = own.steps(&program.head, &Common { quadratures, masks }, &mut sheet, program.positions);
        let read = sheet.read(positions, program.read_out, &own.place());
        own.samples.read_out.push(read);
        Ok(own)
    }

    /// The sample beside itself.
    fn place(&self) -> Place<'_, R> {
        let samples = &self.samples;
        Place { rows: samples, row: 0, position: 0, columns: samples, from: 0, mode: Mode::Full, tracked: false }
    }

    fn keep(&mut self, level: usize, sheet: &Sheet<R>, positions: usize) {
        let q: Vec<f64> = sheet.k.iter().step_by(positions + 1).map(|q| q.to_f64()).collect();
        self.samples.levels[level] = Level::new(&q);
    }

    fn steps(&mut self, steps: &[Step], common: &Common<'_, R>, sheet: &mut Sheet<R>, mut positions: usize) -> usize {
        for step in steps {
            match &step.act {
                Act::Join { branches, join } => {
                    let (mut left, mut joined) = (positions, None::<Sheet<R>>);
                    for branch in branches {
                        let mut inner = sheet.branch();
                        left = self.steps(&branch.steps, common, &mut inner, positions);
                        let share = if *join == Join::Sum { branch.share } else { 1.0 };
                        let all = match joined {
                            Some(mut joined) => {
                                joined.join(&inner, share, *join);
                                joined
                            }
                            None => {
                                inner.scale(share);
                                inner
                            }
                        };
                        self.keep(branch.joined, &all, left);
                        joined = Some(all);
                    }
                    if let Some(joined) = joined {
                        *sheet = joined;
                    }
                    positions = left;
                }
                act => {
                    match act {
                        Act::Map(rule) => {
                            let r: Vec<f64> = self.samples.levels[step.from].r.iter().map(|r| r.to_f64()).collect();
                            self.expand(*rule, &r, common);
                        }
                        Act::Recurrent(recurrent) => self.times(recurrent, common, sheet, positions),
                        Act::Attend { uniform: false, .. } => {
                            self.samples.attention.push(softmax(&sheet.k, positions));
                        }
                        Act::Attend { .. } => self.samples.attention.push(Vec::new()),
                        _ => {}
                    }
                    positions = sheet.run(std::slice::from_ref(step), &self.place(), common.masks, positions);
                }
            }
            self.keep(step.to, sheet, positions);
        }
        positions
    }

    /// The series of values of these deviations, where the rule is one.
    fn expand(&mut self, rule: Rule, r: &[f64], common: &Common<'_, R>) {
        if let Rule::Series { index, .. } = rule {
            let (coefficients, _, error) = Coefficients::new(&common.quadratures[index], r);
            self.error = self.error.max(error);
            self.samples.series.push(coefficients);
        }
    }

    /// The variances of a recurrent layer at all times, which a pair of times needs before they are passed.
    fn times(&mut self, of: &Recurrent, common: &Common<'_, R>, sheet: &Sheet<R>, times: usize) {
        let (mut q, mut state) = (Vec::with_capacity(times), 0.0);
        for (t, driven) in sheet.k.iter().step_by(times + 1).enumerate() {
            let variance = driven.to_f64() + of.state.weight * state;
            q.push(variance);
            if of.masked && !self.samples.there[t] {
                continue;
            }
            state = match of.map.act {
                Act::Map(rule) => {
                    let quadrature = match rule {
                        Rule::Series { index, .. } => common.quadratures.get(index),
                        _ => None,
                    };
                    rule.squares(variance, quadrature).0
                }
                _ => variance,
            };
        }
        self.samples.levels[of.map.from] = Level::new(&q);
        self.samples.levels[of.map.to] = Level::new(&q);
        if let Act::Map(rule) = of.map.act {
            let r: Vec<f64> = q.iter().map(|q| q.sqrt()).collect();
            self.expand(rule, &r, common);
        }
    }
}

/// The tables of samples one after another, `[n, positions]`, and the largest error of a series.
pub(crate) fn joined<R: Float>(program: &Program, own: Vec<Own<R>>) -> (Samples<R>, f64) {
    let each = || own.iter().map(|own| &own.samples);
    let mut all = Samples::new(own.len(), program.levels);
    for (level, table) in all.levels.iter_mut().enumerate() {
        *table = Level {
            q: each().flat_map(|own| &own.levels[level].q).copied().collect(),
            r: each().flat_map(|own| &own.levels[level].r).copied().collect(),
        };
    }
    let first = own.first().map(|own| &own.samples);
    let (series, attentions) = first.map_or((0, 0), |own| (own.series.len(), own.attention.len()));
    all.series = (0..series).map(|index| Coefficients::joined(each().map(|own| &own.series[index]))).collect();
    all.attention =
        (0..attentions).map(|index| each().flat_map(|own| &own.attention[index]).copied().collect()).collect();
    all.read_out = each().flat_map(|own| own.read_out.first()).copied().collect();
    (all, own.iter().map(|own| own.error).fold(0.0, f64::max))
}
