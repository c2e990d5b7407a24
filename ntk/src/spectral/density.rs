//! Spectral densities by stochastic Lanczos quadrature.
//!
//! `v^T f(A) v` is an integral of f by a measure that has a weight at each eigenvalue. Its Gauss rule of m points comes
//! from m steps of Lanczos: the nodes are the eigenvalues of the tridiagonal matrix, the weights the squares of the first
//! entries of its vectors. The mean over random v of unit length is the spectral measure `1/n sum_i delta(lambda_i)`. A rule
//! of m points has the first 2m - 1 moments of its probe exactly.
//!
//! # Source
//! Golub and Meurant, *Matrices, Moments and Quadrature*; Ubaru, Chen, Saad, SIAM J. Matrix Anal. 38 (2017); for Hessians
//! Ghorbani, Krishnan, Xiao, ICML 2019.

use autodiff::Float;

use super::found::{Effort, Estimate};
use super::lanczos::tridiagonal;
use super::small::eigen;
use super::vectors::{direction, stream, symmetric};
use crate::error::{Error, Result};
use crate::operator::LinearOperator;

/// A quadrature of the spectral measure.
#[derive(Clone, Debug)]
pub struct Density {
    /// Eigenvalues in all.
    pub dim: usize,
    /// For each probe, nodes and their weights, which sum to 1.
    pub probes: Vec<Vec<(f64, f64)>>,
    /// Products with the operator.
    pub products: usize,
}

/// A curve with its standard error over the probes.
#[derive(Clone, Debug)]
pub struct Curve {
    /// Places.
    pub at: Vec<f64>,
    /// The density there; its integral is 1.
    pub density: Vec<f64>,
    /// Standard errors; empty for a single probe.
    pub errors: Vec<f64>,
    /// The width of the normal that stands for each node.
    pub width: f64,
}

/// Quadratures of `probes` random directions of `steps` products each.
///
/// # Errors
/// [`Error::Numerics`] if a product is not finite; [`Error::Usage`] for no probes or steps, or an operator that is not
/// symmetric.
pub fn density<R: Float>(
    operator: &impl LinearOperator<R>,
    probes: usize,
    steps: usize,
    effort: &Effort<'_>,
) -> Result<Density> {
    symmetric(operator, "a spectral density")?;
    let dim = operator.dim();
    if probes == 0 || steps == 0 || dim == 0 {
        return Err(Error::usage(
            format!("a density of {probes} probes of {steps} steps, of {dim} eigenvalues"),
            "ask for one of each at least",
        ));
    }
    let mut rng = stream(effort.seed);
    let mut found = Density { dim, probes: Vec::new(), products: 0 };
    for _ in 0..probes {
        let start: Vec<R> = direction(&mut rng, dim);
        let (diagonal, off) = tridiagonal(operator, start, steps, &mut found.products)?;
        let (nodes, u) = eigen(diagonal.len(), |i, j| match i.abs_diff(j) {
            0 => diagonal[i],
            1 => off[i.min(j)],
            _ => 0.0,
        })?;
        found.probes.push(nodes.iter().enumerate().map(|(i, &node)| (node, u[(0, i)].powi(2))).collect());
        (effort.watch)(found.products, 0.0);
    }
    Ok(found)
}

impl Density {
    /// The estimate of `sum_i f(lambda_i)`.
    pub fn sum(&self, f: impl Fn(f64) -> f64) -> Estimate {
        let of = |probe: &Vec<(f64, f64)>| self.dim as f64 * probe.iter().map(|&(x, w)| w * f(x)).sum::<f64>();
        Estimate::of(self.probes.iter().map(of).collect(), self.products)
    }

    /// The smallest and the largest node.
    pub fn range(&self) -> (f64, f64) {
        let nodes = self.probes.iter().flatten().map(|node| node.0);
        nodes.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
    }

    /// The density at `points` places over all nodes, each node a normal of a width that is `share` of the range.
    pub fn curve(&self, points: usize, share: f64) -> Curve {
        let (low, high) = self.range();
        let range = (high - low).max(1e-12 * low.abs().max(high.abs())).max(f64::MIN_POSITIVE);
        let width = share * range;
        let (low, high) = (low - 4.0 * width, high + 4.0 * width);
        let step = (high - low) / (points.max(2) - 1) as f64;
        let at: Vec<f64> = (0..points).map(|i| low + step * i as f64).collect();
        let normal = |x: f64| (-0.5 * x * x).exp() / (width * (2.0 * std::f64::consts::PI).sqrt());
        let estimate = |x: f64| {
            let of = |probe: &Vec<(f64, f64)>| probe.iter().map(|&(node, w)| w * normal((x - node) / width)).sum();
            Estimate::of(self.probes.iter().map(of).collect(), 0)
        };
        let all: Vec<Estimate> = at.iter().map(|&x| estimate(x)).collect();
        Curve {
            density: all.iter().map(|estimate| estimate.value).collect(),
            errors: all.iter().filter_map(|estimate| estimate.error).collect(),
            at,
            width,
        }
    }
}
