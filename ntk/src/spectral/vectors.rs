//! Sums over long vectors, in a fixed order for any number of threads.
//!
//! Vectors are cut into pieces that stay in a first-level cache. Within a piece the sum runs in lanes, as vector
//! instructions do; pieces are added in order. All sums are in f64, whatever the numbers are.

use autodiff::{Float, Kernel, Real};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::operator::LinearOperator;

/// Numbers in a piece: 16 KiB of f32.
const PIECE: usize = 4096;
/// Partial sums that run side by side.
const LANES: usize = 16;
/// Pieces that a task has at least: for fewer, waking a thread takes longer than the work.
const TASK: usize = 8;

struct Dot<'s, R> {
    a: &'s [R],
    b: &'s [R],
}

impl<R: Float> Kernel for Dot<'_, R> {
    type Output = f64;
    #[inline(always)]
    fn run(self) -> f64 {
        let mut sums = [0.0_f64; LANES];
        let (a, b) = (self.a.chunks_exact(LANES), self.b.chunks_exact(LANES));
        let rest = a.remainder().iter().zip(b.remainder()).map(|(&a, &b)| a.to_f64() * b.to_f64()).sum::<f64>();
        for (a, b) in a.zip(b) {
            for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
                *sum += a.to_f64() * b.to_f64();
            }
        }
        sums.iter().sum::<f64>() + rest
    }
}

struct Axpy<'s, R> {
    c: f64,
    x: &'s [R],
    y: &'s mut [R],
}

impl<R: Float> Kernel for Axpy<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let c = <R as Real>::from_f64(self.c);
        for (y, &x) in self.y.iter_mut().zip(self.x) {
            *y += c * x;
        }
    }
}

/// `<a, b>`
pub(super) fn dot<R: Float>(a: &[R], b: &[R]) -> f64 {
    let pieces = a.par_chunks(PIECE).zip(b.par_chunks(PIECE)).map(|(a, b)| R::vectorize(Dot { a, b }));
    pieces.with_min_len(TASK).collect::<Vec<f64>>().iter().sum()
}

/// `y += c x`
pub(super) fn add<R: Float>(c: f64, x: &[R], y: &mut [R]) {
    let pieces = y.par_chunks_mut(PIECE).zip(x.par_chunks(PIECE)).with_min_len(TASK);
    pieces.for_each(|(y, x)| R::vectorize(Axpy { c, x, y }));
}

/// `<q, v>` for every q of a basis. A piece of v is read once for all of them.
pub(super) fn shadows<R: Float>(basis: &[Vec<R>], v: &[R]) -> Vec<f64> {
    let piece = |(at, v): (usize, &[R])| -> Vec<f64> {
        basis.iter().map(|q| R::vectorize(Dot { a: &q[at * PIECE..][..v.len()], b: v })).collect()
    };
    let pieces: Vec<Vec<f64>> = v.par_chunks(PIECE).enumerate().map(piece).with_min_len(TASK).collect();
    let mut sums = vec![0.0; basis.len()];
    for piece in pieces {
        sums.iter_mut().zip(piece).for_each(|(sum, x)| *sum += x);
    }
    sums
}

/// `v += c_1 q_1 + c_2 q_2 + ..`
pub(super) fn add_all<R: Float>(coefficients: &[f64], basis: &[Vec<R>], v: &mut [R]) {
    v.par_chunks_mut(PIECE).enumerate().with_min_len(TASK).for_each(|(at, v)| {
        for (&c, q) in coefficients.iter().zip(basis).filter(|(c, _)| **c != 0.0) {
            R::vectorize(Axpy { c, x: &q[at * PIECE..][..v.len()], y: v });
        }
    });
}

/// `c_1 q_1 + c_2 q_2 + ..`
pub(super) fn combine<R: Float>(coefficients: &[f64], basis: &[Vec<R>], dim: usize) -> Vec<R> {
    let mut v = vec![R::ZERO; dim];
    add_all(coefficients, basis, &mut v);
    v
}

/// `|v|`
pub(super) fn norm<R: Float>(v: &[R]) -> f64 {
    dot(v, v).sqrt()
}

/// `v *= c`
pub(super) fn scale<R: Float>(v: &mut [R], c: f64) {
    let c = <R as Real>::from_f64(c);
    v.par_chunks_mut(PIECE).with_min_len(TASK).for_each(|v| v.iter_mut().for_each(|v| *v *= c));
}

/// Scales to length 1; the length before. A vector of zeros stays.
pub(super) fn normalize<R: Float>(v: &mut [R]) -> f64 {
    let length = norm(v);
    if length > 0.0 {
        scale(v, 1.0 / length);
    }
    length
}

/// Takes from `v` what lies in the span of an orthonormal basis, and again where that was most of it.
///
/// # Source
/// "Twice is enough": Parlett, *The Symmetric Eigenvalue Problem*, section 6.9.
pub(super) fn orthogonalize<R: Float>(v: &mut [R], basis: &[Vec<R>]) {
    if basis.is_empty() {
        return;
    }
    for _ in 0..3 {
        let before = norm(v);
        let shadows: Vec<f64> = shadows(basis, v).into_iter().map(|x| -x).collect();
        add_all(&shadows, basis, v);
        if norm(v) > 0.7 * before {
            break;
        }
    }
}

/// A random stream of a seed.
pub(super) fn stream(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// A vector of signs: it has no small component along any direction by accident of scale.
pub(super) fn signs<R: Float>(rng: &mut ChaCha8Rng, dim: usize) -> Vec<R> {
    let sign = |bits: u32| if bits & 1 == 0 { R::ONE } else { -R::ONE };
    (0..dim).map(|_| sign(rng.next_u32())).collect()
}

/// A direction uniformly at random, of length 1.
pub(super) fn direction<R: Float>(rng: &mut ChaCha8Rng, dim: usize) -> Vec<R> {
    let uniform = |bits: u64| ((bits >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    let mut normals = std::iter::from_fn(|| {
        // Box and Muller's formula, with our own functions: the same bits on every machine.
        let (radius, angle) = (uniform(rng.next_u64()), uniform(rng.next_u64()));
        let (radius, angle) = ((-2.0 * Real::ln(radius)).sqrt(), 2.0 * std::f64::consts::PI * angle);
        Some([radius * Real::cos(angle), radius * Real::sin(angle)])
    })
    .flatten();
    let numbers: Vec<f64> = normals.by_ref().take(dim).collect();
    let mut v: Vec<R> = numbers.into_iter().map(<R as Real>::from_f64).collect();
    normalize(&mut v);
    v
}

/// Applies an operator to one vector, and refuses what is not finite.
pub(super) fn apply<R: Float>(operator: &impl LinearOperator<R>, v: &[R], products: &mut usize) -> Result<Vec<R>> {
    let mut y = vec![R::ZERO; v.len()];
    operator.apply(v, &mut y)?;
    *products += 1;
    if y.par_chunks(PIECE).with_min_len(TASK).any(|y| y.iter().any(|y| !Float::is_finite(*y))) {
        return Err(Error::numerics(
            format!("product {products} with the operator is not finite"),
            "use f64, or a point where the function is finite",
        ));
    }
    Ok(y)
}

/// Refuses an operator that is not symmetric.
pub(super) fn symmetric<R: Float>(operator: &impl LinearOperator<R>, solver: &str) -> Result<()> {
    if operator.is_symmetric() {
        return Ok(());
    }
    Err(Error::usage(
        format!("{solver} needs a symmetric operator, and this one says that it is not"),
        "give its symmetric part, (A + A^T) / 2, or A^T A",
    ))
}
