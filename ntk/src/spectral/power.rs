//! Power iteration: the eigenvalue of largest magnitude, one product a step and two vectors of memory.
//!
//! `v <- A v / |A v|` turns towards the eigenvector of the largest `|lambda|`, by the factor `|lambda_2 / lambda_1|` a step.
//! A heavy ball, `w = A v - beta v_before`, turns by the square root of that gap where `beta` is near `(lambda_2 / 2)^2`.
//! Further eigenvalues are found with the earlier vectors taken out (deflation).
//!
//! It is the reference and the cheapest in memory; [`lanczos`](mod@super::lanczos) needs far fewer products.
//!
//! # Source
//! Momentum: De Sa, He, Mitliagkas, Re, Xu, *Accelerated stochastic power iteration*, AISTATS 2018, equation (A).

use autodiff::Float;

use super::found::{Effort, Eigenpairs};
use super::vectors::{add, apply, dot, norm, normalize, orthogonalize, signs, stream, symmetric};
use crate::error::Result;
use crate::operator::LinearOperator;

/// The `count` eigenvalues of largest magnitude, with their sign, in that order. `momentum` is `beta`; 0 for none.
///
/// # Cost
/// A product a step; the vectors found, two of the iteration, three with momentum.
///
/// # Errors
/// [`Error::Numerics`](crate::Error::Numerics) if a product is not finite; an operator that is not symmetric.
pub fn power<R: Float>(
    operator: &impl LinearOperator<R>,
    count: usize,
    momentum: f64,
    effort: &Effort<'_>,
) -> Result<Eigenpairs<R>> {
    symmetric(operator, "power iteration")?;
    let n = operator.dim();
    let mut rng = stream(effort.seed);
    let mut found = Eigenpairs::none();
    while found.values.len() < count.min(n) && found.products < effort.products {
        let mut v: Vec<R> = signs(&mut rng, n);
        orthogonalize(&mut v, &found.vectors);
        normalize(&mut v);
        let mut before: Option<(Vec<R>, f64)> = None;
        let (mut value, mut residual, mut converged) = (0.0, f64::INFINITY, false);
        while found.products < effort.products {
            let mut next = apply(operator, &v, &mut found.products)?;
            found.iterations += 1;
            value = dot(&v, &next);
            let mut off = next.clone();
            add(-value, &v, &mut off);
            residual = norm(&off);
            orthogonalize(&mut off, &found.vectors);
            let top = found.scale().max(value.abs());
            // What is left along the vectors taken out is their error, which no step here can change.
            converged = norm(&off) <= 0.5 * effort.tolerance * top;
            (effort.watch)(found.products, if top > 0.0 { residual / top } else { 0.0 });
            if converged {
                break;
            }
            orthogonalize(&mut next, &found.vectors);
            // NUMERICS: the iterates are scaled to length 1, and the vector before by the same factor.
            if let Some((before, length)) = &before {
                add(-momentum / length, before, &mut next);
            }
            let length = normalize(&mut next);
            if momentum != 0.0 {
                before = Some((std::mem::replace(&mut v, next), length));
            } else {
                v = next;
            }
        }
        found.values.push(value);
        found.residuals.push(residual);
        found.vectors.push(v);
        found.converged &= converged && residual <= effort.tolerance * found.scale();
    }
    found.converged &= found.values.len() == count.min(n);
    // The order of magnitude: a start may have missed the largest.
    let mut order: Vec<usize> = (0..found.values.len()).collect();
    order.sort_by(|&i, &j| found.values[j].abs().total_cmp(&found.values[i].abs()));
    found.values = order.iter().map(|&i| found.values[i]).collect();
    found.residuals = order.iter().map(|&i| found.residuals[i]).collect();
    found.vectors = order.iter().map(|&i| std::mem::take(&mut found.vectors[i])).collect();
    Ok(found)
}
