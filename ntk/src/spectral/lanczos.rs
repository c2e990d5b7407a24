//! Eigenvalues at the ends of the spectrum of a symmetric operator that can only be applied.
//!
//! Lanczos builds an orthonormal basis `Q` of the Krylov space `v, A v, A^2 v, ...`, in which A is tridiagonal,
//! `T = Q^T A Q`. The outer eigenvalues of T converge to those of A. In exact arithmetic a three-term recurrence keeps
//! Q orthogonal; in rounding it does not, and eigenvalues appear twice, so each new vector is orthogonalized against
//! all older ones.
//!
//! For an eigenpair `T s = theta s`, the residual is `|A Q s - theta Q s| = beta |s_last|`, known without a product.
//!
//! A basis that is full is restarted from its best vectors (a thick restart): T is then diagonal with one full row, and
//! all goes on as before.
//!
//! A Krylov space holds one vector of each eigenspace. Eigenvalues that are exactly multiple are found once until
//! rounding or a new start brings the others in; [`lobpcg`](super::lobpcg()) finds them at once.
//!
//! # Source
//! Parlett, *The Symmetric Eigenvalue Problem*, chapter 13; restarts: Wu and Simon, SIAM J. Matrix Anal. 22 (2000).

use autodiff::Float;
use faer::Mat;

use super::found::{Effort, Eigenpairs, End};
use super::small::eigen;
use super::vectors::{add, add_all, apply, combine, dot, normalize, orthogonalize, signs, stream, symmetric};
use crate::error::{Error, Result};
use crate::operator::LinearOperator;

/// An orthonormal basis and the operator in it.
struct Krylov<R> {
    basis: Vec<Vec<R>>,
    /// `Q^T A Q`, the lower triangle by rows.
    rows: Vec<Vec<f64>>,
    /// The next vector, of length 1, unless the space is exhausted.
    next: Vec<R>,
    /// Its coupling to the last one.
    beta: f64,
}

impl<R: Float> Krylov<R> {
    fn entry(&self, i: usize, j: usize) -> f64 {
        self.rows[i.max(j)].get(i.min(j)).copied().unwrap_or(0.0)
    }

    /// Takes the next vector into the basis. The couplings of its row are known, but for the last.
    fn extend(&mut self, couplings: Vec<f64>, operator: &impl LinearOperator<R>, products: &mut usize) -> Result<()> {
        let v = std::mem::take(&mut self.next);
        let mut next = apply(operator, &v, products)?;
        let alpha = dot(&v, &next);
        // What is known is taken off first, so that one pass of orthogonalization is left with rounding.
        let known: Vec<f64> = couplings.iter().map(|c| -c).collect();
        add_all(&known, &self.basis, &mut next);
        add(-alpha, &v, &mut next);
        self.basis.push(v);
        self.rows.push(couplings.into_iter().chain([alpha]).collect());
        orthogonalize(&mut next, &self.basis);
        self.beta = normalize(&mut next);
        self.next = next;
        Ok(())
    }

    /// The largest entry of T.
    fn scale(&self) -> f64 {
        self.rows.iter().flatten().fold(0.0, |top, x| f64::max(top, x.abs()))
    }
}

/// Vectors of a basis where nothing else is said: enough that a restart loses little, and fewer where they are long.
fn usual_basis(count: usize, dim: usize) -> usize {
    const NUMBERS: usize = 1 << 27;
    count.saturating_mul(2).saturating_add((NUMBERS / dim.max(1)).clamp(12, 40))
}

/// Vectors of `dim` numbers that [`lanczos`] holds at most for so many eigenvalues: a basis, those that a restart makes of
/// it, and two.
pub fn vectors(count: usize, dim: usize) -> usize {
    let size = usual_basis(count, dim);
    size + count + (size - count) / 3 + 2
}

/// `count` eigenvalues at an end (of each, for both).
///
/// # Cost
/// A product a step, and `2 n` multiply-adds for each vector of the basis; as many vectors as the basis may have, which
/// is `2 count + 40`, and from some three million numbers a vector on fewer, to `2 count + 12`.
///
/// # Errors
/// [`Error::Numerics`] if a product is not finite; an operator that is not symmetric.
pub fn lanczos<R: Float>(
    operator: &impl LinearOperator<R>,
    count: usize,
    end: End,
    effort: &Effort<'_>,
) -> Result<Eigenpairs<R>> {
    lanczos_within(operator, count, end, usual_basis(count, operator.dim()), effort)
}

/// The same within a basis of so many vectors; never fewer than twice what is asked for, and three.
///
/// # Errors
/// As [`lanczos`].
pub fn lanczos_within<R: Float>(
    operator: &impl LinearOperator<R>,
    count: usize,
    end: End,
    vectors: usize,
    effort: &Effort<'_>,
) -> Result<Eigenpairs<R>> {
    from(operator, None, count, end, vectors, effort)
}

/// The same from a first vector, such as the eigenvector of an operator nearby.
///
/// A start that lies in an invariant subspace finds what is in there; a little of something else in it finds the rest.
///
/// # Errors
/// As [`lanczos`]; a start of another length.
pub fn lanczos_from<R: Float>(
    operator: &impl LinearOperator<R>,
    start: Vec<R>,
    count: usize,
    end: End,
    effort: &Effort<'_>,
) -> Result<Eigenpairs<R>> {
    if start.len() != operator.dim() {
        return Err(Error::Shape {
            what: "the first vector for Lanczos".into(),
            expected: vec![operator.dim()],
            found: vec![start.len()],
            remedy: "give a vector of the operator's size".into(),
        });
    }
    from(operator, Some(start), count, end, usual_basis(count, operator.dim()), effort)
}

fn from<R: Float>(
    operator: &impl LinearOperator<R>,
    start: Option<Vec<R>>,
    count: usize,
    end: End,
    vectors: usize,
    effort: &Effort<'_>,
) -> Result<Eigenpairs<R>> {
    symmetric(operator, "Lanczos")?;
    let n = operator.dim();
    let wanted = if end == End::Both { (2 * count).min(n) } else { count.min(n) };
    let mut found = Eigenpairs::none();
    if wanted == 0 {
        return Ok(found);
    }
    found.converged = false;
    let size = vectors.max(2 * wanted).max(wanted + 3);
    let mut rng = stream(effort.seed);
    let mut next = start.unwrap_or_else(|| signs(&mut rng, n));
    if normalize(&mut next) == 0.0 {
        next = signs(&mut rng, n);
        normalize(&mut next);
    }
    let mut space = Krylov { basis: Vec::new(), rows: Vec::new(), next, beta: 0.0 };
    let mut couplings = Vec::new();
    while found.products < effort.products {
        space.extend(std::mem::take(&mut couplings), operator, &mut found.products)?;
        found.iterations += 1;
        let k = space.basis.len();
        // The last step of an invariant subspace leaves nothing but rounding.
        let exhausted = k == n || space.beta <= 32.0 * R::EPSILON * space.scale();
        let full = k == size;
        let last = found.products == effort.products;
        let due = k <= 64 || k.is_multiple_of(8);
        couplings = vec![0.0; k];
        if !exhausted {
            couplings[k - 1] = space.beta;
        }
        if !(exhausted || full || last || k >= wanted && due) {
            continue;
        }
        let beta = if exhausted { 0.0 } else { space.beta };
        let (values, s) = eigen(k, |i, j| space.entry(i, j))?;
        let picked = end.pick(count, k);
        found.values = picked.iter().map(|&i| values[i]).collect();
        // NUMERICS: no product is known better than to the rounding of its numbers.
        let floor = R::EPSILON * space.scale();
        found.residuals = picked.iter().map(|&i| (beta * s[(k - 1, i)].abs()).max(floor)).collect();
        let worst = found.worst();
        found.converged = k >= wanted && (worst <= effort.tolerance || exhausted);
        (effort.watch)(found.products, worst);
        if found.converged || last {
            found.vectors = ritz(&space.basis, &s, &picked, n);
            break;
        }
        if exhausted {
            // Another start, in what the space has not reached.
            let mut other = signs(&mut rng, n);
            orthogonalize(&mut other, &space.basis);
            normalize(&mut other);
            space.next = other;
        }
        if full {
            // More than what is wanted is kept: those next to it converge soon.
            let kept = end.pick(count + (size - wanted) / 3, k);
            couplings = kept.iter().map(|&i| beta * s[(k - 1, i)]).collect();
            space.basis = ritz(&space.basis, &s, &kept, n);
            space.rows = kept.iter().enumerate().map(|(row, &i)| diagonal(row, values[i])).collect();
        }
    }
    Ok(found)
}

fn diagonal(row: usize, value: f64) -> Vec<f64> {
    let mut entries = vec![0.0; row + 1];
    entries[row] = value;
    entries
}

/// The vectors `Q s` of the columns named.
fn ritz<R: Float>(basis: &[Vec<R>], s: &Mat<f64>, columns: &[usize], n: usize) -> Vec<Vec<R>> {
    let column = |&i: &usize| -> Vec<R> {
        let coefficients: Vec<f64> = (0..basis.len()).map(|row| s[(row, i)]).collect();
        let mut v = combine(&coefficients, basis, n);
        normalize(&mut v);
        v
    };
    columns.iter().map(column).collect()
}

/// The tridiagonal matrix of so many steps from a start of length 1, as diagonal and off-diagonal. Fewer where the Krylov
/// space ends.
///
/// # Errors
/// As [`lanczos`].
pub(super) fn tridiagonal<R: Float>(
    operator: &impl LinearOperator<R>,
    start: Vec<R>,
    steps: usize,
    products: &mut usize,
) -> Result<(Vec<f64>, Vec<f64>)> {
    let n = operator.dim();
    let mut space = Krylov { basis: Vec::new(), rows: Vec::new(), next: start, beta: 0.0 };
    let (mut diagonal, mut off) = (Vec::new(), Vec::new());
    let mut couplings: Vec<f64> = Vec::new();
    while diagonal.len() < steps.min(n) {
        space.extend(std::mem::take(&mut couplings), operator, products)?;
        let k = space.basis.len();
        diagonal.push(space.entry(k - 1, k - 1));
        if space.beta <= 32.0 * R::EPSILON * space.scale() {
            break;
        }
        couplings = vec![0.0; k];
        couplings[k - 1] = space.beta;
        off.push(space.beta);
    }
    off.truncate(diagonal.len().saturating_sub(1));
    Ok((diagonal, off))
}
