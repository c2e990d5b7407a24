//! What a node costs: operations of its primal, and bytes that the tape keeps of it.

use super::{Node, Tape};
use crate::op::bilinear::Sizes;
use crate::op::{LinearOp, Op};
use crate::real::Real;

impl<R> Node<'_, R> {
    /// Bytes that the tape holds of this node: the price list above, with its numbers unless they are borrowed or
    /// shared. The lists that an op refers to (coefficients, indices, windows) are not counted.
    pub fn bytes(&self) -> usize {
        let own = match self.op {
            Op::Constant | Op::Leaf(_) | Op::Linear(LinearOp::Reshape(_)) => 0,
            Op::Elementwise(_) | Op::Pairwise(_) | Op::Linear(_) | Op::Bilinear(_) | Op::Custom(_) => {
                size_of_val(self.value)
            }
        };
        size_of::<Self>() + size_of_val(self.inputs) + size_of_val(self.shape) + own
    }
}

impl<R: Real> Tape<'_, R> {
    /// Floating-point operations of a node's primal: a multiply-add is 2, an elementary function 1, moving numbers none.
    /// `None` for an op with a rule of its own, which does not say.
    ///
    /// ```
    /// use autodiff::Arena;
    ///
    /// let mut arena = Arena::new();
    /// let tape = arena.tape();
    /// let (a, b) = (tape.leaf(&[1.0; 6], &[2, 3]).unwrap(), tape.leaf(&[1.0; 12], &[3, 4]).unwrap());
    /// let y = a.matmul(b).unwrap();
    /// assert_eq!(tape.flops(y.id()), Some(2 * 2 * 3 * 4));
    /// assert_eq!(y.node().bytes(), 88 + 2 * 4 + 2 * 8 + 8 * 8); // node, operands, shape, numbers
    /// ```
    ///
    /// A pushforward costs as much, twice that for a product of two active operands, and so does a pullback.
    ///
    /// # Panics
    /// If there is no such node.
    pub fn flops(&self, id: u32) -> Option<usize> {
        let node = self.node(id);
        let shape = |i: usize| self.node(node.inputs[i]).shape;
        Some(match node.op {
            Op::Constant | Op::Leaf(_) => 0,
            Op::Elementwise(_) | Op::Pairwise(_) => node.value.len(),
            Op::Custom(_) => return None,
            Op::Linear(op) => op.flops(shape(0), node.shape, node.inputs.len()),
            Op::Bilinear(op) => op.flops(Sizes { a: shape(0), b: shape(1) }),
        })
    }
}
