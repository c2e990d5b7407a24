//! What a pullback does when it reaches a leaf.
//!
//! It does not accumulate a gradient. It lends the factors of the contribution, the rule of the consuming op and the
//! cotangent of its result, and a sink makes of them what it wants:
//!
//! | sink | what it does | result |
//! |---|---|---|
//! | [`Gradient`] | sums over everything | `J^T v`, and its tangents |
//! | [`PerSample`] | one product a sample and direction | the explicit Jacobian |
//! | [`Factors`] | keeps the factors, or forms gradients where positions share a leaf | what the structured NTK contracts |

mod factors;
mod gradient;
mod per_sample;
mod usage;

pub use factors::{Bar, Cotangent, Factor, Factors, Input, Keep, Slopes};
pub(crate) use gradient::Resumed;
pub use gradient::{Gradient, Sum};
pub use per_sample::PerSample;
pub use usage::{Layout, Role};

use super::pullback::Rule;
use super::shared::Shared;
use super::{Pool, Tangents};
use crate::error::{Error, Result};
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
