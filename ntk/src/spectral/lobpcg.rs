//! Eigenvalues by blocks: the locally optimal block preconditioned conjugate gradient method.
//!
//! In each step the best vectors are sought in the span of three blocks: the vectors `X`, their residuals
//! `W = M^-1 (A X - X Theta)`, and the directions `P` in which X moved last. A block finds multiple eigenvalues at once and
//! has a fixed memory of six blocks; [`lanczos`](mod@super::lanczos) needs fewer products for the outermost few.
//!
//! # Source
//! Knyazev, SIAM J. Sci. Comput. 23 (2001), algorithm 4.1; the basis is made orthonormal, as in Hetmaniuk and Lehoucq,
//! J. Comput. Phys. 218 (2006).

use autodiff::Float;

use super::found::{Effort, Eigenpairs, End};
use super::small::eigen;
use super::vectors::{
    add, add_all, apply, combine, direction, dot, norm, normalize, orthogonalize, scale, shadows, stream, symmetric,
};
use crate::error::{Error, Result};
use crate::operator::LinearOperator;

/// `count` eigenvalues at the top or the bottom; `inverse` applies an approximation of `A^-1`, positive definite.
///
/// # Cost
/// `count` products a step.
///
/// # Errors
/// [`Error::Numerics`] if a product is not finite; [`Error::Usage`] for both ends at once, or an operator that is not
/// symmetric.
pub fn lobpcg<R: Float>(
    operator: &impl LinearOperator<R>,
    count: usize,
    end: End,
    inverse: Option<&dyn LinearOperator<R>>,
    effort: &Effort<'_>,
) -> Result<Eigenpairs<R>> {
    symmetric(operator, "LOBPCG")?;
    let n = operator.dim();
    let count = count.min(n);
    if end == End::Both {
        return Err(Error::usage("LOBPCG looks at one end of a spectrum", "call it for each end, or use Lanczos"));
    }
    let mut found = Eigenpairs::none();
    if count == 0 {
        return Ok(found);
    }
    found.converged = false;
    let mut rng = stream(effort.seed);
    // The basis S = [X, W, P], orthonormal, and A S.
    let (mut s, mut image) = (Vec::new(), Vec::new());
    let start: Vec<Vec<R>> = (0..count).map(|_| direction(&mut rng, n)).collect();
    grow(&mut s, start, |v| {
        image.push(apply(operator, v, &mut found.products)?);
        Ok(())
    })?;
    while found.products < effort.products || found.values.is_empty() {
        found.iterations += 1;
        let projected: Vec<Vec<f64>> = image.iter().map(|a| s.iter().map(|q| dot(q, a)).collect()).collect();
        let k = s.len();
        let (values, u) = eigen(k, |i, j| 0.5 * (projected[i][j] + projected[j][i]))?;
        let picked = end.pick(count, k);
        let column = |i: usize, from: usize| -> Vec<f64> {
            (0..k).map(|row| if row < from { 0.0 } else { u[(row, i)] }).collect()
        };
        let x: Vec<Vec<R>> = picked.iter().map(|&i| combine(&column(i, 0), &s, n)).collect();
        let ax: Vec<Vec<R>> = picked.iter().map(|&i| combine(&column(i, 0), &image, n)).collect();
        // Where X moved: its parts in W and P.
        let directions: Vec<(Vec<R>, Vec<R>)> = picked
            .iter()
            .filter(|_| k > count)
            .map(|&i| (combine(&column(i, count), &s, n), combine(&column(i, count), &image, n)))
            .collect();
        let off: Vec<Vec<R>> = picked
            .iter()
            .zip(x.iter().zip(&ax))
            .map(|(&i, (x, ax))| {
                let mut off = ax.clone();
                add(-values[i], x, &mut off);
                off
            })
            .collect();
        found.values = picked.iter().map(|&i| values[i]).collect();
        found.residuals = off.iter().map(|off| norm(off)).collect();
        found.vectors = x;
        found.vectors.iter_mut().for_each(|v| {
            normalize(v);
        });
        let (worst, top) = (found.worst(), found.scale());
        (effort.watch)(found.products, worst);
        found.converged = k >= count && worst <= effort.tolerance.max(R::EPSILON);
        if found.converged || found.products + 1 > effort.products {
            break;
        }
        s = Vec::new();
        image = Vec::new();
        for (x, mut ax) in found.vectors.iter().zip(ax) {
            // NUMERICS: orthonormal but for rounding, which would add up from step to step.
            let mut x = x.clone();
            orthogonalize_pair(&mut x, &mut ax, &s, &image);
            s.push(x);
            image.push(ax);
        }
        let wanted = |residual: f64| residual > 0.1 * effort.tolerance * top;
        let open: Vec<usize> = (0..count).filter(|&i| wanted(found.residuals[i])).collect();
        let mut fresh = Vec::new();
        for &i in &open {
            fresh.push(match inverse {
                None => off[i].clone(),
                Some(inverse) => {
                    let mut w = vec![R::ZERO; n];
                    inverse.apply(&off[i], &mut w)?;
                    w
                }
            });
        }
        // P before W, so that W is made orthogonal to it and needs the only products.
        for (mut p, mut ap) in directions {
            if orthogonalize_pair(&mut p, &mut ap, &s, &image) > 1e3 * R::EPSILON {
                s.push(p);
                image.push(ap);
            }
        }
        let before = s.len();
        grow(&mut s, fresh, |v| {
            image.push(apply(operator, v, &mut found.products)?);
            Ok(())
        })?;
        if s.len() == before {
            break;
        }
    }
    Ok(found)
}

/// Adds vectors to an orthonormal basis, those that have a part outside of it.
fn grow<R: Float>(
    basis: &mut Vec<Vec<R>>,
    vectors: Vec<Vec<R>>,
    mut taken: impl FnMut(&[R]) -> Result<()>,
) -> Result<()> {
    for mut v in vectors {
        if normalize(&mut v) == 0.0 {
            continue;
        }
        orthogonalize(&mut v, basis);
        if normalize(&mut v) > 1e3 * R::EPSILON {
            // What a small rest was scaled by, rounding was too.
            orthogonalize(&mut v, basis);
            normalize(&mut v);
            taken(&v)?;
            basis.push(v);
        }
    }
    Ok(())
}

/// Makes `v` orthogonal to the basis and of length 1, and does to `A v` as was done to `v`. What was left of a unit length.
fn orthogonalize_pair<R: Float>(v: &mut [R], image: &mut [R], basis: &[Vec<R>], images: &[Vec<R>]) -> f64 {
    let unit = |v: &mut [R], image: &mut [R]| {
        let length = norm(v);
        if length > 0.0 {
            scale(v, 1.0 / length);
            scale(image, 1.0 / length);
        }
        length
    };
    let mut left = 1.0;
    unit(v, image);
    for _ in 0..2 {
        let shadows: Vec<f64> = shadows(basis, v).into_iter().map(|x| -x).collect();
        add_all(&shadows, basis, v);
        add_all(&shadows, images, image);
        left *= unit(v, image);
    }
    left
}
