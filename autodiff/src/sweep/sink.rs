//! What a pullback does when it reaches a leaf.
//!
//! It does not accumulate a gradient. It lends the factors of the contribution, the rule of the consuming op and the
//! cotangent of its result, and a sink makes of them what it wants:
//!
//! | sink | what it does | result |
//! |---|---|---|
//! | [`Gradient`] | sums over everything | `J^T v`, and its tangents |
//! | [`PerSample`] | one product a sample and direction | the explicit Jacobian |
//! | [`Factors`] | keeps the factors | what the structured NTK contracts |

use std::borrow::Cow;

use super::pullback::Rule;
use super::shared::Shared;
use super::{Pool, Tangents};
use crate::custom::Pair;
use crate::error::{Error, Result};
use crate::kernel::gemm::Accumulate;
use crate::op::bilinear::Sizes;
use crate::op::{BilinearOp, LinearOp, Op, Samples};
use crate::real::Real;
use crate::tape::{Node, Var};

/// A receiver of the leaves' cotangents.
pub trait Sink<'a, R: Real> {
    /// A pullback begins. Refuse here what the output alone shows to be impossible.
    ///
    /// # Errors
    /// Whatever the sink cannot do for this output.
    fn begin(&mut self, _output: Var<'a, R>, _directions: usize) -> Result<()> {
        Ok(())
    }

    /// A leaf is an operand of an op whose cotangent is known.
    ///
    /// # Errors
    /// If the sink cannot use the contribution.
    fn lend(&mut self, lent: &Lent<'_, 'a, R>, pool: &mut Pool<R>) -> Result<()>;

    /// The sums of a leaf's cotangents and of their tangents, for an op whose rule adds to them itself; `None` if this sink
    /// wants every contribution for itself.
    fn sums(&mut self, _leaf: usize) -> Option<[&mut Sum<R>; 2]> {
        None
    }

    /// The cotangent buffer that was lent under this origin is no longer needed: keep it, or give it back.
    fn retire(&mut self, _origin: u32, bar: Vec<R>) -> Option<Vec<R>> {
        Some(bar)
    }

    /// Whether leaves may be lent with no cotangents yet, which [`Sink::retire_shared`] then brings.
    const TAKES_SHARED: bool = false;

    /// As [`Sink::retire`], for cotangents that are the same for every sample but for a slope.
    fn retire_shared(&mut self, _origin: u32, shared: Shared<R>) -> Option<Shared<R>> {
        Some(shared)
    }
}

/// A contribution to the cotangent of a leaf, unevaluated.
pub struct Lent<'s, 'a, R> {
    /// Ordinal of the leaf.
    pub leaf: usize,
    /// The consuming node.
    pub node: u32,
    /// Which of its operands the leaf is.
    pub operand: usize,
    /// The buffer's first owner: two loans with one origin have one cotangent.
    pub origin: u32,
    /// How many cotangents there are.
    pub directions: usize,
    /// Cotangents of the consuming node, `[K, ..shape]`.
    pub bar: &'s [R],
    /// Tangents of the cotangent, if they are asked for and not zero by structure.
    pub dot: Option<&'s [R]>,
    pub(crate) rule: &'s Rule<'s, 'a, R>,
    pub(crate) tangents: Option<&'s Tangents<'a, R>>,
}

impl<'a, R: Real> Lent<'_, 'a, R> {
    /// The consuming node.
    pub fn consumer(&self) -> Node<'a, R> {
        self.rule.node
    }

    /// Refuses unless the contribution splits by samples: the consuming op must carry the sample axis in front, and
    /// the leaf must not lie along it.
    ///
    /// # Errors
    /// [`Error::NotPerSample`] or [`Error::MixesSamples`], with the op named.
    pub fn per_sample(&self) -> Result<()> {
        let consumer = self.rule.node;
        let (why, remedy) = match consumer.samples {
            Samples::Mixed(node) => {
                return Err(Error::MixesSamples { op: self.rule.tape.node(node).op.name(), node });
            }
            Samples::Free => (
                "whose value does not depend on samples, so its cotangent is already summed over them",
                "combine the products instead of the parameters (x W + x U, not x (W + U))",
            ),
            Samples::Axis { axis: 0, .. } if self.covers_samples() => {
                ("along the sample axis, so that it has a part for each sample", "use a parameter without that axis")
            }
            // The result's rows are the columns of the operand.
            Samples::Axis { axis: 0, .. } if self.reads_columns() => {
                ("whose samples are the columns of a transposed operand", "let the samples lead: x W, not (x^T)^T W")
            }
            Samples::Axis { axis: 0, .. } => return Ok(()),
            Samples::Axis { .. } => {
                ("whose samples are not along its first axis", "let the samples lead: x W, not W^T x^T")
            }
        };
        let (parameter, op) = (self.leaf, consumer.op.name());
        Err(Error::NotPerSample { parameter, op, node: self.node, why, remedy })
    }

    fn reads_columns(&self) -> bool {
        matches!(self.rule.node.op, Op::Bilinear(BilinearOp::Matmul(op)) if op.transpose_a)
    }

    fn covers_samples(&self) -> bool {
        match self.rule.node.op {
            Op::Bilinear(BilinearOp::Matmul(_) | BilinearOp::Conv(_)) => self.operand != 1,
            // A right operand of lower rank is repeated over the samples.
            Op::Bilinear(BilinearOp::Mul(_)) => {
                self.operand != 1 || self.rule.input(1).shape.len() == self.rule.node.shape.len()
            }
            Op::Linear(LinearOp::Combine(_)) => self.rule.input(self.operand).shape.len() == self.rule.node.shape.len(),
            _ => true,
        }
    }
}

/// Sums every contribution: `J^T v`, and the tangents of that.
///
/// Each sweep begins anew, in the buffers of the last one.
#[derive(Debug, Default)]
pub struct Gradient<R> {
    bars: Vec<Sum<R>>,
    dots: Vec<Sum<R>>,
}

/// A sum in the making.
#[derive(Debug)]
pub struct Sum<R> {
    pub(super) numbers: Vec<R>,
    /// Whether this sweep has put anything in; what is there otherwise is of an earlier one.
    pub(super) begun: bool,
}

impl<R: Real> Sum<R> {
    pub(crate) const EMPTY: Self = Self { numbers: Vec::new(), begun: false };

    fn value(&self) -> Option<&[R]> {
        self.begun.then_some(&self.numbers)
    }

    /// The buffer to add to, and whether it holds anything yet.
    pub(crate) fn summand(&mut self, len: usize, pool: &mut Pool<R>) -> (&mut [R], Accumulate) {
        if self.begun {
            return (&mut self.numbers, Accumulate::Add);
        }
        self.begun = true;
        if self.numbers.capacity() < len {
            pool.give(std::mem::take(&mut self.numbers));
            self.numbers = pool.take(len);
        }
        self.numbers.resize(len, R::ZERO);
        (&mut self.numbers, Accumulate::Replace)
    }
}

impl<R: Real> Gradient<R> {
    /// An empty sink.
    pub fn new() -> Self {
        Self { bars: Vec::new(), dots: Vec::new() }
    }

    /// The cotangents of a leaf, `[K, ..shape]`; `None` where they are zero by structure.
    pub fn of(&self, leaf: usize) -> Option<&[R]> {
        self.bars.get(leaf)?.value()
    }

    /// The tangents of a leaf's cotangent, `[K, ..shape]`; `None` where they are zero by structure.
    pub fn tangent_of(&self, leaf: usize) -> Option<&[R]> {
        self.dots.get(leaf)?.value()
    }

    /// Gives the buffers back, and keeps the empty lists for the next sweep.
    pub fn release(&mut self, pool: &mut Pool<R>) {
        for sum in self.bars.iter_mut().chain(&mut self.dots) {
            pool.give(std::mem::replace(sum, Sum::EMPTY).numbers);
        }
    }
}

impl<'a, R: Real> Sink<'a, R> for Gradient<R> {
    fn begin(&mut self, output: Var<'a, R>, _: usize) -> Result<()> {
        for sums in [&mut self.bars, &mut self.dots] {
            sums.resize_with(output.tape().leaves(), || Sum::EMPTY);
            sums.iter_mut().for_each(|sum| sum.begun = false);
        }
        Ok(())
    }

    fn lend(&mut self, lent: &Lent<'_, 'a, R>, pool: &mut Pool<R>) -> Result<()> {
        add(lent, &mut self.bars[lent.leaf], &mut self.dots[lent.leaf], pool);
        Ok(())
    }

    fn sums(&mut self, leaf: usize) -> Option<[&mut Sum<R>; 2]> {
        Some([self.bars.get_mut(leaf)?, self.dots.get_mut(leaf)?])
    }
}

/// Adds a contribution to a leaf's cotangents, and to their tangents.
fn add<R: Real>(lent: &Lent<'_, '_, R>, bar: &mut Sum<R>, dot: &mut Sum<R>, pool: &mut Pool<R>) {
    let (rule, i) = (lent.rule, lent.operand);
    let len = rule.input(i).value.len();
    let (bar, accumulate) = bar.summand(lent.directions * len, pool);
    rule.pull(i, lent.directions, lent.bar, bar, accumulate, pool);
    if let Some(tangents) = lent.tangents
        && (lent.dot.is_some() || rule.bends(i, tangents))
    {
        let (dot, accumulate) = dot.summand(tangents.directions * len, pool);
        rule.pull_tangent(i, lent.bar, lent.dot, tangents, dot, accumulate, pool);
    }
}

/// Adds to sums that were begun elsewhere: what a checkpoint's interior does for the tape around it.
pub(crate) struct Resumed<'s, R> {
    pub(crate) sums: &'s mut [Pair<R>],
    /// Of each leaf, which of the sums is its.
    pub(crate) places: &'s [usize],
}

impl<'a, R: Real> Sink<'a, R> for Resumed<'_, R> {
    fn lend(&mut self, lent: &Lent<'_, 'a, R>, pool: &mut Pool<R>) -> Result<()> {
        let Pair { bar, dot } = &mut self.sums[self.places[lent.leaf]];
        add(lent, bar, dot, pool);
        Ok(())
    }

    fn sums(&mut self, leaf: usize) -> Option<[&mut Sum<R>; 2]> {
        let Pair { bar, dot } = &mut self.sums[*self.places.get(leaf)?];
        Some([bar, dot])
    }
}

/// The explicit Jacobian: one product for each sample and direction.
///
/// # Shape
/// `[K, n, P]`, P the parameters of all leaves, in order.
///
/// ```
/// use autodiff::sweep::{PerSample, Pool, pullback};
/// use autodiff::Arena;
///
/// let (mut arena, mut pool, mut sink) = (Arena::new(), Pool::default(), PerSample::new(&[2]));
/// let tape = arena.tape();
/// let x = tape.samples(&[1.0, 2.0, 3.0, 4.0], &[2, 2]).unwrap();
/// let w = tape.leaf(&[0.5, 0.5], &[2, 1]).unwrap();
/// pullback(x.matmul(w).unwrap(), &[1.0, 1.0], 1, &mut sink, &mut pool).unwrap();
/// assert_eq!(sink.rows(), [1.0, 2.0, 3.0, 4.0]); // of a linear model, the samples themselves
/// ```
///
/// # Cost
/// `n K P` numbers. This is the reference, and the thing to beat.
#[derive(Debug)]
pub struct PerSample<R> {
    /// Where each leaf's columns begin; the last entry is P.
    offsets: Vec<usize>,
    samples: usize,
    directions: usize,
    rows: Vec<R>,
}

impl<R: Real> PerSample<R> {
    /// A Jacobian for leaves of these lengths.
    pub fn new(lengths: &[usize]) -> Self {
        let mut offsets = vec![0];
        offsets.extend(lengths.iter().scan(0, |end, len| {
            *end += len;
            Some(*end)
        }));
        Self { offsets, samples: 0, directions: 0, rows: Vec::new() }
    }

    /// The rows, `[K, n, P]`.
    pub fn rows(&self) -> &[R] {
        &self.rows
    }

    /// The rows, `[K, n, P]`, to keep.
    pub fn into_rows(self) -> Vec<R> {
        self.rows
    }
}

impl<'a, R: Real> Sink<'a, R> for PerSample<R> {
    fn begin(&mut self, output: Var<'a, R>, directions: usize) -> Result<()> {
        self.samples = leading_samples(output)?;
        self.directions = directions;
        self.rows.clear();
        self.rows.resize(self.samples * directions * self.offsets[self.offsets.len() - 1], R::ZERO);
        Ok(())
    }

    fn lend(&mut self, lent: &Lent<'_, 'a, R>, _: &mut Pool<R>) -> Result<()> {
        lent.per_sample()?;
        if self.samples == 0 {
            return Ok(());
        }
        let (y, i) = (lent.consumer(), lent.operand);
        let parameters = self.offsets[self.offsets.len() - 1];
        let columns = self.offsets[lent.leaf]..self.offsets[lent.leaf + 1];
        let one = |shape: &[usize]| {
            let mut one = crate::shape::Shape::new(shape).to_vec();
            one[0] /= self.samples;
            one
        };
        let (y_one, len) = (one(y.shape), y.value.len() / self.samples);
        for k in 0..self.directions {
            for sample in 0..self.samples {
                let bar = &lent.bar[k * y.value.len() + sample * len..][..len];
                let out = &mut self.rows[(k * self.samples + sample) * parameters..][columns.clone()];
                match y.op {
                    Op::Linear(op) => op.transpose(i, (&y_one, bar), (lent.rule.input(i).shape, out), Accumulate::Add),
                    Op::Bilinear(op) => {
                        let (a, b) = (lent.rule.input(0), lent.rule.input(1));
                        let a_len = a.value.len() / self.samples;
                        let sizes = Sizes { a: &one(a.shape), b: b.shape };
                        op.pull_right(sizes, &a.value[sample * a_len..][..a_len], bar, out, Accumulate::Add);
                    }
                    Op::Constant | Op::Leaf(_) | Op::Elementwise(_) | Op::Pairwise(_) | Op::Custom(_) => {
                        unreachable!("refused as not per sample")
                    }
                }
            }
        }
        Ok(())
    }
}

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

/// Samples along the first axis of an output, or why they are not there.
fn leading_samples<R: Real>(output: Var<'_, R>) -> Result<usize> {
    match output.samples() {
        Samples::Axis { axis: 0, group } => Ok(output.shape()[0] / group as usize),
        Samples::Mixed(node) => Err(Error::MixesSamples { op: output.tape().node(node).op.name(), node }),
        Samples::Axis { .. } | Samples::Free => Err(Error::NotPerSample {
            parameter: 0,
            op: output.node().op.name(),
            node: output.id(),
            why: "the output, which has no samples along its first axis",
            remedy: "let the samples be the first axis of the input (Tape::samples) and of the output",
        }),
    }
}
