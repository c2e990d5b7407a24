//! The sink that keeps factors: what a kernel is contracted from.

use std::borrow::Cow;

use super::{Lent, Sink, leading_samples};
use crate::error::{Error, Result};
use crate::op::{BilinearOp, LinearOp, Op};
use crate::real::Real;
use crate::sweep::Pool;
use crate::sweep::shared::Shared;
use crate::tape::Var;

/// Keeps the factors of every contribution, for contractions that never form a Jacobian.
///
/// A sample's gradient of parameter W through one use `y = alpha x W` is `alpha x^T y_bar`, so the products of two
/// samples' gradients are `alpha^2 (x . x') (y_bar . y_bar')`: only the factors are needed.
#[derive(Debug)]
pub struct Factors<'a, R> {
    /// Samples.
    pub samples: usize,
    /// Directions K.
    pub directions: usize,
    /// A factor for every use of every leaf.
    pub factors: Vec<Factor<'a, R>>,
    /// Cotangents that the factors refer to.
    pub cotangents: Vec<Cotangent<R>>,
}

/// One use of one leaf.
#[derive(Clone, Copy, Debug)]
pub struct Factor<'a, R> {
    /// Ordinal of the leaf.
    pub leaf: usize,
    /// The rows that the leaf was multiplied by, `[n * positions, fan_in]`; `None` for a leaf that was added (a bias:
    /// rows of ones).
    pub input: Option<&'a [R]>,
    /// Columns of the input; 1 for a bias.
    pub fan_in: usize,
    /// Columns of the cotangent; all numbers of a bias.
    pub fan_out: usize,
    /// Whether the leaf is stored as `[fan_out, fan_in]`. All uses of a leaf agree on it.
    pub transposed: bool,
    /// Rows a sample.
    pub positions: usize,
    /// The use's factor: `alpha` of the product, the coefficient of the sum.
    pub coefficient: f64,
    /// Origin of its cotangent.
    pub origin: u32,
}

/// The cotangents of a consuming node.
#[derive(Debug)]
pub struct Cotangent<R> {
    /// The node.
    pub origin: u32,
    /// Its numbers.
    pub bar: Bar<R>,
}

/// Cotangents of every sample, or what all samples share of them.
#[derive(Clone, Debug)]
pub enum Bar<R> {
    /// `[K, n * positions, fan_out]`
    Each(Vec<R>),
    /// The same for every sample, but for a slope.
    Shared(Shared<R>),
}

impl<R: Real> Bar<R> {
    /// `[K, n * positions, fan_out]` for n samples, whichever way they are kept.
    pub fn rows(&self, samples: usize) -> Cow<'_, [R]> {
        match self {
            Self::Each(rows) => Cow::Borrowed(rows),
            Self::Shared(shared) => {
                let mut rows = vec![R::ZERO; shared.seed.len() * samples];
                shared.write(&mut rows);
                Cow::Owned(rows)
            }
        }
    }
}

impl<R> Default for Factors<'_, R> {
    fn default() -> Self {
        Self { samples: 0, directions: 0, factors: Vec::new(), cotangents: Vec::new() }
    }
}

impl<'a, R: Real> Sink<'a, R> for Factors<'a, R> {
    fn begin(&mut self, output: Var<'a, R>, directions: usize) -> Result<()> {
        *self = Self { samples: leading_samples(output)?, directions, ..Self::default() };
        Ok(())
    }

    fn lend(&mut self, lent: &Lent<'_, 'a, R>, _: &mut Pool<R>) -> Result<()> {
        lent.per_sample()?;
        let y = lent.consumer();
        let (input, fan_in, fan_out, coefficient, transposed) = match y.op {
            Op::Bilinear(BilinearOp::Matmul(op)) => {
                let x = lent.rule.input(0);
                let last = |shape: &[usize]| *shape.last().unwrap_or(&1);
                (Some(x.value), last(x.shape), last(y.shape), op.alpha, op.transpose_b)
            }
            Op::Linear(LinearOp::Combine(op)) => {
                (None, 1, lent.rule.input(lent.operand).value.len(), op.coefficients[lent.operand], false)
            }
            Op::Bilinear(BilinearOp::Conv(_) | BilinearOp::Mul(_)) => {
                return Err(Error::NotPerSample {
                    parameter: lent.leaf,
                    op: y.op.name(),
                    node: lent.node,
                    why: "whose contribution is no product of two rows",
                    remedy: "use the explicit Jacobian for this network",
                });
            }
            Op::Linear(_)
            | Op::Bilinear(_)
            | Op::Constant
            | Op::Leaf(_)
            | Op::Elementwise(_)
            | Op::Pairwise(_)
            | Op::Custom(_) => {
                unreachable!("refused as not per sample")
            }
        };
        // The product of two uses' gradients is a product of factors only if both lay the parameter out alike.
        let use_as = (fan_in, fan_out, transposed);
        if self.factors.iter().any(|f| f.leaf == lent.leaf && (f.fan_in, f.fan_out, f.transposed) != use_as) {
            return Err(Error::NotPerSample {
                parameter: lent.leaf,
                op: y.op.name(),
                node: lent.node,
                why: "which reads it in another layout than an earlier use (transposed, or added)",
                remedy: "use the explicit Jacobian for this network",
            });
        }
        self.factors.push(Factor {
            leaf: lent.leaf,
            input,
            fan_in,
            fan_out,
            transposed,
            positions: y.value.len().checked_div(self.samples * fan_out).unwrap_or(1),
            coefficient,
            origin: lent.origin,
        });
        Ok(())
    }

    fn retire(&mut self, origin: u32, bar: Vec<R>) -> Option<Vec<R>> {
        if self.factors.iter().any(|factor| factor.origin == origin) {
            self.cotangents.push(Cotangent { origin, bar: Bar::Each(bar) });
            return None;
        }
        Some(bar)
    }

    const TAKES_SHARED: bool = true;

    fn retire_shared(&mut self, origin: u32, shared: Shared<R>) -> Option<Shared<R>> {
        if self.factors.iter().any(|factor| factor.origin == origin) {
            self.cotangents.push(Cotangent { origin, bar: Bar::Shared(shared) });
            return None;
        }
        Some(shared)
    }
}
