//! The closed set of primitive ops, in three kinds: elementwise (of one operand, or two: [`pairwise`]), linear, bilinear.
//!
//! Every op is of one of them, and its author states the least that its kind needs: a primal and a
//! slope; a map and its transpose; a product and its two pulls. The four sweeps ([`crate::sweep`]) are then derived
//! from the kind, once, so the modes of differentiation cannot disagree about a rule.
//!
//! What this folder leaves to others: where values live ([`crate::tape`]), the order of the sweeps
//! ([`crate::sweep`]), the loops over slices ([`crate::kernel`]). Plain functions over the ops, such as
//! cross-entropy, are in [`composite`].

pub mod bilinear;
pub mod composite;
pub mod elementwise;
pub mod linear;
pub mod pairwise;
pub(crate) mod window;

use crate::shape::Shape;

pub use bilinear::BilinearOp;
pub use elementwise::ElementwiseOp;
pub use linear::LinearOp;
pub use pairwise::PairwiseOp;

/// What a node computes.
#[derive(Clone, Copy, Debug)]
pub enum Op<'a> {
    /// A value given from outside that nothing is differentiated by.
    Constant,
    /// A value given from outside that derivatives are taken by; the ordinal counts the tape's leaves.
    Leaf(u32),
    /// `y_i = f(x_i)`.
    Elementwise(ElementwiseOp),
    /// `y_i = f(a_i, b_i)`.
    Pairwise(PairwiseOp),
    /// `y = A_1 x_1 + A_2 x_2 + ...`
    Linear(LinearOp<'a>),
    /// `y = B(a, b)`.
    Bilinear(BilinearOp<'a>),
    /// Whatever the rule at this place of the tape's side table says: see [`crate::custom`].
    Custom(u32),
}

impl Op<'_> {
    /// The name that messages and print-outs use.
    pub fn name(&self) -> &'static str {
        match self {
            Op::Constant => "constant",
            Op::Leaf(_) => "leaf",
            Op::Elementwise(op) => op.name(),
            Op::Pairwise(op) => op.name(),
            Op::Linear(op) => op.name(),
            Op::Bilinear(op) => op.name(),
            Op::Custom(_) => "custom",
        }
    }
}

/// Where a value keeps its samples: the tag that proves, from the recording alone, that a network treats each sample
/// for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Samples {
    /// The value does not depend on samples.
    Free,
    /// Samples lie along `axis`; each has `group` consecutive entries of it (1 unless positions were merged in).
    Axis {
        /// The axis.
        axis: u32,
        /// Entries a sample.
        group: u32,
    },
    /// The op of this node mixed them, or a later op inherited that.
    Mixed(u32),
}

impl Samples {
    /// Samples along `axis`, one entry each.
    pub(crate) const fn along(axis: usize) -> Self {
        Samples::Axis { axis: axis as u32, group: 1 }
    }
}

/// An operand as an op sees it while it is recorded.
#[derive(Clone, Copy, Debug)]
pub struct Operand<'a> {
    /// Its sizes.
    pub shape: &'a [usize],
    /// Where its samples are.
    pub samples: Samples,
}

/// The shape of an op's result and what became of the samples. `None` says that the op mixes them.
#[derive(Clone, Debug, PartialEq)]
pub struct Signature {
    /// Sizes of the result.
    pub shape: Shape,
    /// Its sample tag.
    pub samples: Option<Samples>,
}
