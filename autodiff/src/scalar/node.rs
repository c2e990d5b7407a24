//! A recorded op of scalar code, and what it costs to keep.

/// The operand id that says: no operand. Constants have it.
pub(crate) const NONE: u32 = u32::MAX;

/// One line of the recording: how much the result moves when each operand moves.
///
/// Which op it was is not kept, nor its value: at a point, an op of one or two operands is its one or two slopes.
///
/// # Cost
/// | part | `f64` | `f32` |
/// |---|---|---|
/// | weights | 16 bytes | 8 bytes |
/// | operands | 8 bytes | 8 bytes |
/// | a cotangent, from the first sweep on | 8 bytes | 4 bytes |
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Node<R> {
    /// `dy / dx` for each operand.
    pub weights: [R; 2],
    /// Ids of the operands, always smaller than the node's own; `u32::MAX` where there is none.
    pub operands: [u32; 2],
}

// The price list above, held by the compiler.
const _: () = assert!(size_of::<Node<f64>>() == 24 && size_of::<Node<f32>>() == 16);

impl<R: Copy> Node<R> {
    /// The operands there are, each with its weight.
    #[inline(always)]
    pub(crate) fn edges(&self) -> impl Iterator<Item = (R, usize)> {
        // By reference: arrays that are iterated by value are put on the stack first.
        self.weights.iter().zip(&self.operands).filter(|&(_, &id)| id != NONE).map(|(&w, &id)| (w, id as usize))
    }
}
