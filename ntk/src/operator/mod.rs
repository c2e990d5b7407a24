//! Linear maps that are applied and never stored.
//!
//! Decided here: what an operator is ([`LinearOperator`]). What is asked of one, eigenvalues, densities, traces and
//! solutions, is [`crate::spectral`]'s affair.

use autodiff::Float;

use crate::error::Result;

/// A linear map of vectors of `dim` numbers, applied to a block of them.
///
/// Anything that implements it, in this crate or outside, can be given to every solver of [`crate::spectral`].
pub trait LinearOperator: Sync {
    /// The numbers of its vectors.
    type Number: Float;

    /// Numbers in a vector.
    fn dim(&self) -> usize;

    /// `y_k = A x_k` for each vector of the block.
    ///
    /// # Shape
    /// `x, y: [k, dim]`
    ///
    /// # Errors
    /// What stops a product: a value that is not finite, a signal.
    fn apply(&self, x: &[Self::Number], y: &mut [Self::Number]) -> Result<()>;

    /// Whether `<u, A v> = <A u, v>`; every solver here needs it.
    fn is_symmetric(&self) -> bool {
        true
    }

    /// Whether `<v, A v> >= 0` is known.
    fn is_positive(&self) -> bool {
        false
    }
}
