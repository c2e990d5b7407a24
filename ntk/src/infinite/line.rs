//! One sample against a row of others: all layers are applied while the row is in the first-level cache.

use autodiff::{Float, Kernel, Real};

use super::combine::{self, defect, excess};
use super::power::Exp;
use super::program::{Act, Affine, Mode, Norm, Step};
use super::rule::{Cos, Dual, Erf, Gelu, Pair, Rule, Sin};
use super::series::Coefficients;
use super::side::{Level, Samples};

/// A row of the kernels on its way through the layers.
#[derive(Clone, Default)]
pub(crate) struct Line<R> {
    /// Covariances.
    pub(crate) k: Vec<R>,
    /// `sqrt(qa qb) - |k|`, where it is carried.
    pub(crate) gap: Vec<R>,
    /// Entries of the tangent kernel.
    pub(crate) theta: Vec<R>,
}

impl<R: Float> Line<R> {
    pub(crate) fn resize(&mut self, columns: usize) {
        for of in [&mut self.k, &mut self.gap, &mut self.theta] {
            of.resize(columns, R::ZERO);
        }
    }

    pub(crate) fn copy(&mut self, from: &Self) {
        self.k.clone_from(&from.k);
        self.gap.clone_from(&from.gap);
        self.theta.clone_from(&from.theta);
    }
}

/// Who a line is about: a sample of one side, and others of the other side or the positions of one other.
#[derive(Clone, Copy)]
pub(crate) struct Place<'s, R> {
    pub(crate) rows: &'s Samples<R>,
    /// The row's sample.
    pub(crate) row: usize,
    /// Its position.
    pub(crate) position: usize,
    pub(crate) columns: &'s Samples<R>,
    /// The first sample of the columns, or in [`Mode::Full`] the only one.
    pub(crate) from: usize,
    pub(crate) mode: Mode,
    pub(crate) tracked: bool,
}

/// Variances of the row's sample (scalars) and of the columns'.
#[derive(Clone, Copy)]
pub(crate) struct Pairs<'s, R> {
    pub(crate) qa: R,
    pub(crate) ra: R,
    pub(crate) qb: &'s [R],
    pub(crate) rb: &'s [R],
    /// Where these stand in the tables of their level.
    pub(crate) row: usize,
    pub(crate) first: usize,
}

impl<'s, R: Float> Place<'s, R> {
    pub(crate) fn pairs(&self, level: usize, columns: usize) -> Pairs<'s, R> {
        let (a, b): (&Level<R>, &'s Level<R>) = (&self.rows.levels[level], &self.columns.levels[level]);
        let (row, first) = match self.mode {
            // Levels are [positions, samples], or [samples, positions].
            Mode::Flat | Mode::Diagonal => {
                (self.position * self.rows.count + self.row, self.position * self.columns.count + self.from)
            }
            Mode::Full => {
                let positions = a.q.len() / self.rows.count;
                (self.row * positions + self.position, self.from * positions)
            }
        };
        let range = first..first + columns;
        Pairs { qa: a.q[row], ra: a.r[row], qb: &b.q[range.clone()], rb: &b.r[range], row, first }
    }
}

/// Applies steps to a line; `spare` holds lines for branches.
pub(crate) fn run<R: Float>(steps: &[Step], place: &Place<'_, R>, line: &mut Line<R>, spare: &mut Vec<Line<R>>) {
    let columns = line.k.len();
    for step in steps {
        let from = place.pairs(step.from, columns);
        // Where no gap is carried, what leaves a step is not asked for its variance.
        let to = if place.tracked { place.pairs(step.to, columns) } else { from };
        match &step.act {
            Act::Affine(affine) => apply(affine, place, (step.from, step.to), line),
            Act::Norm(norm) => R::vectorize(ApplyNorm { norm: *norm, tracked: place.tracked, from, line }),
            Act::Map(rule) => map(rule, place, from, to, line),
            Act::Join { branches, join } => combine::join(branches, *join, place, from, line, spare),
            Act::Polynomial(polynomial) => combine::polynomial(polynomial, step, place, line, spare),
            // INVARIANT: a line is one position; these act on sheets.
            Act::Window { .. } | Act::Recurrent(_) | Act::Attend { .. } => unreachable!("positions of a line"),
        }
    }
}

/// Weights and a bias, between two levels.
pub(crate) fn apply<R: Float>(affine: &Affine, place: &Place<'_, R>, levels: (usize, usize), line: &mut Line<R>) {
    let columns = line.k.len();
    let from = place.pairs(levels.0, columns);
    let to = if place.tracked { place.pairs(levels.1, columns) } else { from };
    R::vectorize(ApplyAffine { affine: *affine, tracked: place.tracked, from, to, line });
}

fn map<R: Float>(rule: &Rule, place: &Place<'_, R>, from: Pairs<'_, R>, to: Pairs<'_, R>, line: &mut Line<R>) {
    let tracked = place.tracked;
    match *rule {
        Rule::Rectifier(rule) => R::vectorize(Apply { rule, tracked, from, to, line }),
        Rule::Erf => R::vectorize(Apply { rule: Erf, tracked, from, to, line }),
        Rule::Gelu => R::vectorize(Apply { rule: Gelu, tracked, from, to, line }),
        Rule::Sin => R::vectorize(Apply { rule: Sin, tracked, from, to, line }),
        Rule::Cos => R::vectorize(Apply { rule: Cos, tracked, from, to, line }),
        Rule::Exp => R::vectorize(Apply { rule: Exp, tracked, from, to, line }),
        Rule::Monomial(rule) => R::vectorize(Apply { rule, tracked, from, to, line }),
        Rule::RectifiedMonomial(rule) => R::vectorize(Apply { rule, tracked, from, to, line }),
        Rule::Series { index, .. } => {
            let (a, b) = (&place.rows.series[index], &place.columns.series[index]);
            R::vectorize(ApplySeries { a, row: from.row, b, first: from.first, tracked, from, to, line });
        }
    }
}

struct Apply<'s, R, D> {
    rule: D,
    tracked: bool,
    from: Pairs<'s, R>,
    to: Pairs<'s, R>,
    line: &'s mut Line<R>,
}

/// `s - |k|`, where no better is known. What is not told from 0 by its rounding is 0: a value with itself.
#[inline(always)]
pub(crate) fn gap_of<R: Float>(s: R, k: R) -> R {
    let gap = s - Real::abs(k);
    if gap > s * R::from_f64(8.0 * R::EPSILON) { gap } else { R::ZERO }
}

/// The gap of images of which only the covariance is known. One value is itself in every layer.
#[inline(always)]
fn gap_of_images<R: Float>(before: &Pair<R>, s: R, k: R) -> R {
    let same = before.gap <= R::ZERO && before.qa == before.qb && before.k >= R::ZERO;
    if same { R::ZERO } else { gap_of(s, k) }
}

impl<R: Float, D: Dual> Kernel for Apply<'_, R, D> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { rule, tracked, from, to, line } = self;
        let n = line.k.len();
        let (k, theta) = (&mut line.k[..n], &mut line.theta[..n]);
        let (qb, rb, rb_to) = (&from.qb[..n], &from.rb[..n], &to.rb[..n]);
        if !tracked {
            for i in 0..n {
                let s = from.ra * rb[i];
                let image = rule.image(Pair { qa: from.qa, qb: qb[i], s, k: k[i], gap: gap_of(s, k[i]) });
                k[i] = image.k;
                theta[i] *= image.dot;
            }
            return;
        }
        let gap = &mut line.gap[..n];
        for i in 0..n {
            let pair = Pair { qa: from.qa, qb: qb[i], s: from.ra * rb[i], k: k[i], gap: gap[i] };
            let image = rule.image(pair);
            k[i] = image.k;
            theta[i] *= image.dot;
            gap[i] = if D::GIVES_GAP { image.gap } else { gap_of_images(&pair, to.ra * rb_to[i], image.k) };
        }
    }
}

struct ApplyAffine<'s, R> {
    affine: Affine,
    tracked: bool,
    from: Pairs<'s, R>,
    to: Pairs<'s, R>,
    line: &'s mut Line<R>,
}

impl<R: Float> Kernel for ApplyAffine<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { affine, tracked, from, to, line } = self;
        let n = line.k.len();
        let [weight, bias, own, own_bias] = [affine.weight, affine.bias, affine.own, affine.own_bias].map(R::from_f64);
        let (k, theta) = (&mut line.k[..n], &mut line.theta[..n]);
        for (&k, theta) in k.iter().zip(theta) {
            *theta = own * k + own_bias + weight * *theta;
        }
        if tracked && affine.bias == 0.0 {
            line.gap.iter_mut().for_each(|gap| *gap *= weight);
        } else if tracked {
            let root = R::from_f64((affine.weight * affine.bias).sqrt());
            let (gap, rb, rb_to) = (&mut line.gap[..n], &from.rb[..n], &to.rb[..n]);
            for i in 0..n {
                let s = weight * (from.ra * rb[i]);
                let before = weight * k[i];
                let positive = before + bias >= R::ZERO;
                let more = excess(root * (from.ra - rb[i]), to.ra * rb_to[i], s + bias);
                let of_bias = if positive { R::ZERO } else { bias + bias };
                gap[i] = more + defect(s, before, weight * gap[i], positive) + of_bias;
            }
        }
        k.iter_mut().for_each(|k| *k = weight * *k + bias);
    }
}

struct ApplyNorm<'s, R> {
    norm: Norm,
    tracked: bool,
    from: Pairs<'s, R>,
    line: &'s mut Line<R>,
}

impl<R: Float> Kernel for ApplyNorm<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { norm, tracked, from, line } = self;
        let n = line.k.len();
        let [eps, own, own_bias] = [norm.eps, norm.own, norm.own_bias].map(R::from_f64);
        let (k, theta, qb) = (&mut line.k[..n], &mut line.theta[..n], &from.qb[..n]);
        let qa = from.qa + eps;
        for i in 0..n {
            let share = R::ONE / Real::sqrt(qa * (qb[i] + eps));
            k[i] *= share;
            theta[i] = own * k[i] + own_bias + share * theta[i];
        }
        if tracked {
            // Both bound and covariance are divided by the same.
            for (gap, &qb) in line.gap[..n].iter_mut().zip(qb) {
                *gap *= R::ONE / Real::sqrt(qa * (qb + eps));
            }
        }
    }
}

/// Columns whose sums are kept in registers.
const STRIP: usize = 32;

struct ApplySeries<'s, R> {
    a: &'s Coefficients<R>,
    row: usize,
    b: &'s Coefficients<R>,
    first: usize,
    tracked: bool,
    from: Pairs<'s, R>,
    to: Pairs<'s, R>,
    line: &'s mut Line<R>,
}

impl<R: Float> Kernel for ApplySeries<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { a, row, b, first, tracked, from, to, line } = self;
        let n = line.k.len();
        let (zero, one) = (R::ZERO, R::ONE);
        for at in (0..n).step_by(STRIP) {
            let width = STRIP.min(n - at);
            let mut c = [zero; STRIP];
            for (c, (&k, &rb)) in c.iter_mut().zip(line.k[at..][..width].iter().zip(&from.rb[at..])) {
                let s = from.ra * rb;
                let ratio = if s > zero { k / s } else { zero };
                // NUMERICS: rounding may take a correlation beyond 1 by some units.
                *c = if ratio > one {
                    one
                } else if ratio < -one {
                    -one
                } else {
                    ratio
                };
            }
            let (mut slopes, mut values) = ([zero; STRIP], [zero; STRIP]);
            // Of an odd activation a series in the square.
            let stride = if a.alternating { 2 } else { 1 };
            let powers = if a.alternating { c.map(|c| c * c) } else { c };
            for j in (0..a.terms).step_by(stride).rev() {
                let da = a.d[j * a.samples + row];
                let da_share = da * R::from_f64(1.0 / (j + 1) as f64);
                let mut db = [zero; STRIP];
                db[..width].copy_from_slice(&b.d[j * b.samples + first + at..][..width]);
                for l in 0..STRIP {
                    slopes[l] = slopes[l] * powers[l] + da * db[l];
                    values[l] = values[l] * powers[l] + da_share * db[l];
                }
            }
            let mean = a.mean[row];
            for l in 0..width {
                let i = at + l;
                let s = from.ra * from.rb[i];
                let image = mean * b.mean[first + i] + c[l] * s * values[l];
                if tracked {
                    let pair = Pair { qa: from.qa, qb: from.qb[i], s, k: line.k[i], gap: line.gap[i] };
                    line.gap[i] = gap_of_images(&pair, to.ra * to.rb[i], image);
                }
                line.k[i] = image;
                line.theta[i] *= slopes[l];
            }
        }
    }
}
