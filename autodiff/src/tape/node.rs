//! A recorded op, and what it costs to keep.

use crate::op::{Op, Operand, Samples};

/// One line of the recording.
///
/// # Cost
/// | part | bytes |
/// |---|---|
/// | op, with its attributes | 24 |
/// | operands, a slice of ids | 16 + 4 each |
/// | shape, a slice of sizes | 16 + 8 an axis |
/// | value, a slice of numbers | 16, and the numbers unless they are borrowed or shared (leaves, reshapes) |
/// | sample tag and activity | 16 |
#[derive(Clone, Copy, Debug)]
pub struct Node<'a, R> {
    /// What was computed.
    pub op: Op<'a>,
    /// From which nodes; always older ones.
    pub inputs: &'a [u32],
    /// Sizes of the value.
    pub shape: &'a [usize],
    /// The primal, row-major.
    pub value: &'a [R],
    /// Where its samples lie.
    pub samples: Samples,
    /// Whether it depends on a leaf, so that derivatives pass through it.
    pub active: bool,
}

// The price list above, held by the compiler.
const _: () = assert!(size_of::<Op<'_>>() == 24 && size_of::<Node<'_, f64>>() == 88);

impl<R> Node<'_, R> {
    pub(crate) fn operand(&self) -> Operand<'_> {
        Operand { shape: self.shape, samples: self.samples }
    }
}
