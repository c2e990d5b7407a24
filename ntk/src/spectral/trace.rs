//! Traces of operators that can only be applied.
//!
//! | estimator | standard error, m products | when |
//! |---|---|---|
//! | [`hutchinson`] | `1/sqrt(m)`, whatever the spectrum | a flat spectrum |
//! | [`hutch_plus_plus`] | `1/m` and better where eigenvalues decay | a memory of m / 3 vectors |
//! | [`xtrace`] | that, with every probe in every role, and an error bar of its own | a memory of m vectors |
//!
//! # Source
//! Hutchinson, Commun. Stat. 18 (1989); Meyer, Musco, Musco, Woodruff, SOSA 2021, algorithm 1; Epperly, Tropp, Webber, SIAM
//! J. Matrix Anal. 45 (2024), algorithm 1.1 and section 2.3.

use autodiff::Float;

use super::found::{Effort, Estimate};
use super::vectors::{apply, direction, dot, normalize, orthogonalize, scale, shadows, signs, stream};
use crate::error::{Error, Result};
use crate::operator::LinearOperator;

/// The mean of `z^T A z` over `effort.products` vectors of random signs.
///
/// # Errors
/// [`Error::Numerics`] if a product is not finite; [`Error::Usage`] for no products.
pub fn hutchinson<R: Float>(operator: &impl LinearOperator<R>, effort: &Effort<'_>) -> Result<Estimate> {
    at_least(effort.products, 1, "Hutchinson's estimator")?;
    let (mut rng, mut products, mut probes) = (stream(effort.seed), 0, Vec::new());
    while products < effort.products {
        let z: Vec<R> = signs(&mut rng, operator.dim());
        let image = apply(operator, &z, &mut products)?;
        probes.push(dot(&z, &image));
    }
    Ok(Estimate::of(probes, products))
}

/// The trace in a sketch of the range, exactly, and Hutchinson's estimator for the rest.
///
/// # Errors
/// As [`hutchinson`]; three products are the least.
pub fn hutch_plus_plus<R: Float>(operator: &impl LinearOperator<R>, effort: &Effort<'_>) -> Result<Estimate> {
    at_least(effort.products, 3, "Hutch++")?;
    let n = operator.dim();
    let (mut rng, mut products) = (stream(effort.seed), 0);
    let rank = (effort.products / 3).min(n);
    let mut basis: Vec<Vec<R>> = Vec::new();
    for _ in 0..rank {
        let z: Vec<R> = signs(&mut rng, n);
        take(&mut basis, apply(operator, &z, &mut products)?);
    }
    let mut inside = 0.0;
    for q in &basis {
        inside += dot(q, &apply(operator, q, &mut products)?);
    }
    let mut probes = Vec::new();
    while products < effort.products {
        let mut z: Vec<R> = signs(&mut rng, n);
        orthogonalize(&mut z, &basis);
        let image = apply(operator, &z, &mut products)?;
        probes.push(inside + dot(&z, &image));
    }
    Ok(Estimate::of(probes, products))
}

/// The mean over probes of the estimate in which each is the test vector for a sketch of all others.
///
/// # Errors
/// As [`hutchinson`]; four products are the least.
pub fn xtrace<R: Float>(operator: &impl LinearOperator<R>, effort: &Effort<'_>) -> Result<Estimate> {
    at_least(effort.products, 4, "XTrace")?;
    let n = operator.dim();
    let (mut rng, mut products) = (stream(effort.seed), 0);
    let count = effort.products / 2;
    if count >= n {
        // The sketch would be the whole space: the trace itself costs no more.
        let mut trace = 0.0;
        for i in 0..n {
            let mut unit = vec![R::ZERO; n];
            unit[i] = R::ONE;
            trace += apply(operator, &unit, &mut products)?[i].to_f64();
        }
        return Ok(Estimate { value: trace, error: Some(0.0), probes: vec![trace], products });
    }
    let mut probes: Vec<Vec<R>> = (0..count).map(|_| direction(&mut rng, n)).collect();
    probes.iter_mut().for_each(|z| scale(z, (n as f64).sqrt()));
    let mut images = Vec::new();
    for z in &probes {
        images.push(apply(operator, z, &mut products)?);
    }
    // Y = Q R. A column of Y that lies in those before it adds nothing to the sketch.
    let (mut basis, mut upper): (Vec<Vec<R>>, Vec<Vec<f64>>) = (Vec::new(), Vec::new());
    for image in &images {
        let before = basis.len();
        take(&mut basis, image.clone());
        if basis.len() == before {
            return deficient(operator, &basis, products);
        }
        upper.push(shadows(&basis, image));
    }
    let mut of_basis = Vec::new();
    for q in &basis {
        of_basis.push(apply(operator, q, &mut products)?);
    }
    let h: Vec<Vec<f64>> = of_basis.iter().map(|a| shadows(&basis, a)).collect();
    let trace: f64 = (0..count).map(|i| h[i][i]).sum();
    let estimates = (0..count).map(|i| {
        // What the sketch without probe i leaves out: the direction s in it that all other columns of Y miss.
        let s = missed(&upper, i);
        let away = |x: Vec<f64>| -> Vec<f64> {
            let along: f64 = x.iter().zip(&s).map(|(x, s)| x * s).sum();
            x.iter().zip(&s).map(|(x, s)| x - along * s).collect()
        };
        let x = away(shadows(&basis, &probes[i]));
        let t = shadows(&of_basis, &probes[i]);
        let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let h_times = |x: &[f64]| h.iter().map(|row| product(row, x)).collect::<Vec<f64>>();
        let inside = trace - product(&s, &h_times(&s));
        let whole = dot(&probes[i], &images[i]);
        let outside = whole - 2.0 * product(&x, &t) + product(&x, &h_times(&x));
        // NUMERICS: a direction on the sphere of the rest is scaled to what its length would be on average.
        let length = n as f64 - product(&x, &x);
        let scale = if length > 0.0 { (n - count + 1) as f64 / length } else { 0.0 };
        inside + scale * outside
    });
    Ok(Estimate::of(estimates.collect(), products))
}

/// The range is the whole of what was found: the trace in it is the trace.
fn deficient<R: Float>(operator: &impl LinearOperator<R>, basis: &[Vec<R>], mut products: usize) -> Result<Estimate> {
    let mut trace = 0.0;
    for q in basis {
        trace += dot(q, &apply(operator, q, &mut products)?);
    }
    Ok(Estimate { value: trace, error: Some(0.0), probes: vec![trace], products })
}

/// The unit vector orthogonal to all columns of an upper triangular matrix but the i-th: a column of its inverse
/// transposed. Columns are given by their entries to the diagonal.
fn missed(upper: &[Vec<f64>], i: usize) -> Vec<f64> {
    let k = upper.len();
    // R^T s = e_i, forwards.
    let mut s = vec![0.0; k];
    for row in 0..k {
        let sum: f64 = (0..row).map(|j| upper[row][j] * s[j]).sum();
        s[row] = (f64::from(u8::from(row == i)) - sum) / upper[row][row];
    }
    let length = s.iter().map(|s| s * s).sum::<f64>().sqrt();
    s.iter().map(|s| s / length).collect()
}

/// Adds what is new of a vector to an orthonormal basis.
fn take<R: Float>(basis: &mut Vec<Vec<R>>, mut v: Vec<R>) {
    if normalize(&mut v) == 0.0 {
        return;
    }
    orthogonalize(&mut v, basis);
    if normalize(&mut v) > 1e3 * R::EPSILON {
        orthogonalize(&mut v, basis);
        normalize(&mut v);
        basis.push(v);
    }
}

fn at_least(products: usize, least: usize, who: &str) -> Result<()> {
    if products >= least {
        return Ok(());
    }
    Err(Error::usage(format!("{who} with {products} products"), format!("allow it {least} at least")))
}
