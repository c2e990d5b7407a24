//! The largest eigenvalues of a symmetric operator that can only be applied.
//!
//! Lanczos builds an orthonormal basis `Q` of the Krylov space `v, A v, A^2 v, ...`, in which A is tridiagonal,
//! `T = Q^T A Q`. The largest eigenvalues of T converge to those of A. In exact arithmetic a three-term recurrence keeps
//! Q orthogonal; in rounding it does not, and eigenvalues appear twice, so each new vector is orthogonalized against
//! all older ones, twice.
//!
//! For an eigenpair `T s = theta s`, the residual is `|A Q s - theta Q s| = beta |s_last|`, known without a product.
//!
//! # Source
//! Parlett, *The Symmetric Eigenvalue Problem*, chapter 13; "twice is enough": section 6.9.

use faer::{Mat, Par, Side};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::operator::LinearOperator;

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How many eigenvalues.
    pub count: usize,
    /// Residuals below this, relative to the largest eigenvalue found, count as converged.
    pub tolerance: f64,
    /// Products with the operator at most.
    pub steps: usize,
    /// Seed of the starting vector.
    pub seed: u64,
}

/// The largest eigenvalues found.
#[derive(Clone, Debug)]
pub struct Eigenvalues {
    /// Largest first.
    pub values: Vec<f64>,
    /// `|A v - theta v|` for each.
    pub residuals: Vec<f64>,
    /// Products with the operator.
    pub steps: usize,
    /// Whether every residual is below the tolerance.
    pub converged: bool,
}

/// The largest (most positive) eigenvalues of `operator`.
///
/// # Cost
/// `steps` products and `2 steps^2 n` multiply-adds; `steps n` numbers for the basis.
///
/// # Errors
/// [`Error::Numerics`] if a product is not finite.
pub fn largest(operator: &impl LinearOperator<Number = f64>, settings: &Settings) -> Result<Eigenvalues> {
    let n = operator.dim();
    let (count, steps) = (settings.count.min(n), settings.steps.min(n));
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    // A sign vector has no small component along any direction by accident of scale.
    let mut v: Vec<f64> = (0..n).map(|_| if rng.next_u32() & 1 == 0 { 1.0 } else { -1.0 }).collect();
    let mut basis: Vec<Vec<f64>> = Vec::new();
    let (mut diagonal, mut off) = (Vec::new(), Vec::new());
    let norm = normalize(&mut v);
    let mut found = Eigenvalues { values: Vec::new(), residuals: Vec::new(), steps: 0, converged: norm == 0.0 };
    while found.steps < steps && !found.converged {
        let mut next = vec![0.0; n];
        operator.apply(&v, &mut next)?;
        if next.iter().any(|x| !x.is_finite()) {
            return Err(Error::numerics("a product with the operator is not finite", "compute the kernel again"));
        }
        diagonal.push(dot(&v, &next));
        basis.push(std::mem::take(&mut v));
        for _ in 0..2 {
            orthogonalize(&mut next, &basis);
        }
        let beta = normalize(&mut next);
        found.steps += 1;
        // The last step of an invariant subspace leaves nothing but rounding.
        let exhausted = found.steps == n || beta <= 1e-14 * largest_entry(&diagonal, &off);
        if exhausted || found.steps >= count && (found.steps.is_multiple_of(8) || found.steps == steps) {
            ritz(&mut found, &diagonal, &off, if exhausted { 0.0 } else { beta }, count)?;
            let top = found.values.first().map_or(0.0, |x| x.abs());
            found.converged = exhausted || found.residuals.iter().all(|r| *r <= settings.tolerance * top);
        }
        off.push(beta);
        v = next;
    }
    Ok(found)
}

/// The eigenvalues of the tridiagonal matrix and the residuals of their vectors.
fn ritz(found: &mut Eigenvalues, diagonal: &[f64], off: &[f64], beta: f64, count: usize) -> Result<()> {
    let k = diagonal.len();
    faer::set_global_parallelism(Par::Seq);
    let t = Mat::from_fn(k, k, |i, j| match i.abs_diff(j) {
        0 => diagonal[i],
        1 => off[i.min(j)],
        _ => 0.0,
    });
    let evd = t.self_adjoint_eigen(Side::Lower).map_err(|error| {
        Error::numerics(format!("the tridiagonal eigenproblem failed: {error:?}"), "use --spectrum full")
    })?;
    let picked = (0..k).rev().take(count);
    found.values = picked.clone().map(|i| evd.S()[i]).collect();
    found.residuals = picked.map(|i| beta * evd.U()[(k - 1, i)].abs()).collect();
    Ok(())
}

fn largest_entry(diagonal: &[f64], off: &[f64]) -> f64 {
    diagonal.iter().chain(off).fold(0.0, |top, x| f64::max(top, x.abs()))
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Scales to length 1; the length before.
fn normalize(v: &mut [f64]) -> f64 {
    let norm = dot(v, v).sqrt();
    if norm > 0.0 {
        v.iter_mut().for_each(|x| *x /= norm);
    }
    norm
}

/// Takes from `v` what lies in the span of the basis. The sums run in a fixed order for any number of threads.
fn orthogonalize(v: &mut [f64], basis: &[Vec<f64>]) {
    let shadows: Vec<f64> = basis.par_iter().map(|q| dot(q, v)).collect();
    v.par_chunks_mut(4096).enumerate().for_each(|(chunk, v)| {
        for (q, shadow) in basis.iter().zip(&shadows) {
            for (v, q) in v.iter_mut().zip(&q[chunk * 4096..]) {
                *v -= shadow * q;
            }
        }
    });
}
