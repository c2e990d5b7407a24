//! Activations without a closed form: a series in the correlation, its coefficients by quadrature on the normal density.
//!
//! For normal `u` and `v` of deviations `ra`, `rb` and correlation `c` (Mehler's formula),
//!
//! `E f'(u) f'(v) = sum_(j >= 1) d_j(ra) d_j(rb) c^(j-1)`, `E f(u) f(v) = E f(u) E f(v) + ra rb c sum_(j >= 1) d_j(ra) d_j(rb) c^(j-1)/j`
//!
//! where `d_j(r) = E f'(r z) h_(j-1)(z)` and `h_j` are the Hermite polynomials of norm 1. One-dimensional integrals give the
//! coefficients of each sample once, and a pair takes a polynomial in `c`. Rejected: quadrature in two dimensions for every pair,
//! some thousand evaluations of `f` for each, and no more accurate near `c = 1`.
//!
//! The integrals are sums over an even grid: for an analytic function times the normal density they converge as
//! `exp(-2 pi d/h)`, with the step `h` and the distance `d` to the nearest pole. What is cut off is known, because the squares of
//! all `d_j` sum to `E f'(u)^2`, and no term can be larger at `|c| < 1` than at 1: that is the stated error.

use autodiff::kernel::gemm::{Accumulate, View};
use autodiff::kernel::map;
use autodiff::op::ElementwiseOp;
use autodiff::{Float, Real};

use crate::error::{Error, Result};

/// The grid ends here: the square root of the density, which is what times a Hermite polynomial is bounded, is 1e-19.
const END: f64 = 13.0;
/// Steps on each side of 0, the first tried and the last.
const STEPS: (usize, usize) = (208, 6656);
/// The most coefficients.
const TERMS: usize = 2048;
/// A relative error beyond this is refused.
const REFUSED: f64 = 1e-4;
/// Samples whose coefficients are found by one product.
const BLOCK: usize = 64;

/// One activation at one place of the network: the nodes and the polynomials on them.
pub(crate) struct Quadrature {
    op: ElementwiseOp,
    nodes: Vec<f64>,
    weights: Vec<f64>,
    /// `[terms, nodes]`, times the weights.
    polynomials: Vec<f64>,
    pub(crate) terms: usize,
    alternating: bool,
}

/// Moments of one sample.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moments {
    pub(crate) mean: f64,
    /// `E f(r z)^2`
    pub(crate) square: f64,
    /// `E f'(r z)^2`
    pub(crate) slope_square: f64,
}

impl Quadrature {
    /// Chooses step and terms for deviations up to `r`, to a relative error of `tolerance`.
    ///
    /// # Errors
    /// [`Error::Numerics`] where the most terms or the smallest step leave more than [`REFUSED`].
    pub(crate) fn new(op: ElementwiseOp, r: f64, tolerance: f64, path: &str) -> Result<Self> {
        let mut quadrature = Self::on_grid(op, STEPS.0);
        let mut steps = STEPS.0;
        let off = |a: f64, b: f64| (a - b).abs() > 1e-15 * b.abs();
        loop {
            steps *= 2;
            let finer = Self::on_grid(op, steps);
            let (coarse, fine) = (quadrature.moments(r), finer.moments(r));
            let settled = !off(coarse.square, fine.square) && !off(coarse.slope_square, fine.slope_square);
            if settled || steps >= STEPS.1 {
                break;
            }
            quadrature = finer;
        }
        let whole = quadrature.moments(r).slope_square;
        let mut terms = 64;
        loop {
            // A polynomial of degree j waves with sqrt j radians a unit: the grid must be finer than that, density included.
            let needed = END * ((terms as f64).sqrt() + 18.0) / std::f64::consts::TAU;
            if needed > (quadrature.nodes.len() / 2) as f64 {
                quadrature = Self::on_grid(op, (needed.ceil() as usize).next_multiple_of(STEPS.0));
            }
            quadrature.expand(terms);
            let mut d = vec![0.0; terms];
            quadrature.coefficients(&[r], &mut d);
            let mut tail = 0.0;
            let enough = (0..terms).rev().find(|&j| {
                tail += d[j] * d[j];
                tail > tolerance * whole
            });
            // The last quarter must be quiet, as odd or even terms alone say nothing.
            let enough = enough.map_or(1, |last| last + 1);
            let second: f64 = d.iter().skip(1).step_by(2).map(|d| d * d).sum();
            quadrature.alternating = second <= 1e-28 * whole;
            if enough <= terms * 3 / 4 || whole == 0.0 {
                quadrature.terms = enough;
                quadrature.polynomials.truncate(enough * quadrature.nodes.len());
                return Ok(quadrature);
            }
            if terms >= TERMS {
                let left = (1.0 - d.iter().map(|d| d * d).sum::<f64>() / whole).abs();
                if left > REFUSED {
                    return Err(Error::numerics(
                        format!(
                            "{path}: {} of a value with standard deviation {r:.3e} has no series that {TERMS} terms end: \
                             they miss {left:.1e}",
                            op.name()
                        ),
                        "lower W_std, or normalize the inputs",
                    ));
                }
                return Ok(quadrature);
            }
            terms *= 2;
        }
    }

    fn on_grid(op: ElementwiseOp, steps: usize) -> Self {
        let step = END / steps as f64;
        let nodes: Vec<f64> = (0..=2 * steps).map(|i| (i as f64 - steps as f64) * step).collect();
        let weights = nodes.iter().map(|&z| step * Real::normal_pdf(z)).collect();
        Self { op, nodes, weights, polynomials: Vec::new(), terms: 0, alternating: false }
    }

    /// `sqrt(j + 1) h_(j+1) = z h_j - sqrt(j) h_(j-1)`
    fn expand(&mut self, terms: usize) {
        let width = self.nodes.len();
        self.polynomials.resize(terms * width, 0.0);
        for (i, (&z, &w)) in self.nodes.iter().zip(&self.weights).enumerate() {
            let (mut before, mut now) = (0.0, w);
            for j in 0..terms {
                self.polynomials[j * width + i] = now;
                let next = (z * now - (j as f64).sqrt() * before) / ((j + 1) as f64).sqrt();
                (before, now) = (now, next);
            }
        }
        self.terms = terms;
    }

    /// `f` and `f'` on the nodes times `r`.
    fn values(&self, r: f64, x: &mut Vec<f64>, y: &mut [f64], slope: &mut [f64]) {
        x.clear();
        x.extend(self.nodes.iter().map(|z| r * z));
        map::primal(self.op, x, y);
        map::slope(self.op, x, y, slope);
    }

    /// Mean and squares of `f(r z)` and `f'(r z)`.
    pub(crate) fn moments(&self, r: f64) -> Moments {
        let width = self.nodes.len();
        let (mut x, mut y, mut slope) = (Vec::new(), vec![0.0; width], vec![0.0; width]);
        self.values(r, &mut x, &mut y, &mut slope);
        let mut moments = Moments { mean: 0.0, square: 0.0, slope_square: 0.0 };
        for ((&w, &y), &slope) in self.weights.iter().zip(&y).zip(&slope) {
            moments.mean += w * y;
            moments.square += w * y * y;
            moments.slope_square += w * slope * slope;
        }
        moments
    }

    /// The coefficients of samples with these deviations.
    ///
    /// # Shape
    /// `r: [n] -> d: [n, terms]`
    ///
    /// # Cost
    /// `n nodes terms` multiply-adds.
    fn coefficients(&self, r: &[f64], d: &mut [f64]) {
        let width = self.nodes.len();
        let (mut x, mut y) = (Vec::new(), vec![0.0; width]);
        let mut slopes = vec![0.0; BLOCK.min(r.len()) * width];
        for (r, d) in r.chunks(BLOCK).zip(d.chunks_mut(BLOCK * self.terms)) {
            let slopes = &mut slopes[..r.len() * width];
            for (&r, slope) in r.iter().zip(slopes.chunks_exact_mut(width)) {
                self.values(r, &mut x, &mut y, slope);
            }
            let (slopes, polynomials) =
                (View::new(slopes, r.len(), width), View::new(&self.polynomials, self.terms, width));
            f64::gemm(d, Accumulate::Replace, 1.0, slopes, polynomials.t());
        }
    }
}

/// The coefficients of all samples of one side.
pub(crate) struct Coefficients<R> {
    pub(crate) terms: usize,
    /// Whether every second one is 0, from the second on: the activation is odd, but for a constant.
    pub(crate) alternating: bool,
    pub(crate) samples: usize,
    /// `E f(r z)`, `[n]`.
    pub(crate) mean: Vec<R>,
    /// `d_j(r)`, `[terms, n]`.
    pub(crate) d: Vec<R>,
}

impl<R: Float> Coefficients<R> {
    /// Those of several lists of samples, one after another.
    pub(crate) fn joined<'c>(parts: impl Iterator<Item = &'c Self> + Clone) -> Self
    where
        R: 'c,
    {
        let samples = parts.clone().map(|part| part.samples).sum();
        let terms = parts.clone().map(|part| part.terms).max().unwrap_or(0);
        let of_term = |j: usize| parts.clone().flat_map(move |part| &part.d[j * part.samples..][..part.samples]);
        Self {
            terms,
            alternating: parts.clone().all(|part| part.alternating),
            samples,
            mean: parts.clone().flat_map(|part| &part.mean).copied().collect(),
            d: (0..terms).flat_map(of_term).copied().collect(),
        }
    }

    /// The coefficients of samples, their moments, and the largest relative error of `E f'^2` by what is cut off.
    pub(crate) fn new(quadrature: &Quadrature, r: &[f64]) -> (Self, Vec<Moments>, f64) {
        let terms = quadrature.terms;
        let mut d = vec![0.0; r.len() * terms];
        quadrature.coefficients(r, &mut d);
        let moments: Vec<Moments> = r.iter().map(|&r| quadrature.moments(r)).collect();
        let mut error = 0.0f64;
        for (moments, d) in moments.iter().zip(d.chunks_exact(terms.max(1))) {
            let kept: f64 = d.iter().map(|d| d * d).sum();
            if moments.slope_square > 0.0 {
                error = error.max((1.0 - kept / moments.slope_square).abs());
            }
        }
        let mut transposed = vec![R::ZERO; d.len()];
        for (sample, d) in d.chunks_exact(terms.max(1)).enumerate() {
            for (j, &d) in d.iter().enumerate() {
                transposed[j * r.len() + sample] = R::from_f64(d);
            }
        }
        let mean = moments.iter().map(|m| R::from_f64(m.mean)).collect();
        (Self { terms, alternating: quadrature.alternating, samples: r.len(), mean, d: transposed }, moments, error)
    }
}
