//! Linear maps that are applied and never stored.
//!
//! Decided here: what an operator is ([`LinearOperator`]), and the matrices of a network at its parameters.
//!
//! | file | matrix |
//! |---|---|
//! | [`point`] | where they are taken: network, parameters, samples, objective |
//! | [`curvature`] | Hessian, Gauss-Newton, Fisher: sums over samples, of the parameters' size |
//! | `block` | what is kept of a block of samples for them |
//! | [`kernel`] | the NTK, `J J^T`, of the outputs' size |
//! | [`reduced`] | the NTK of some outputs; an operator without some of its vectors |
//! | [`combination`] | sums, shifts, multiples of operators |
//!
//! What is asked of an operator, eigenvalues, densities, traces and solutions, is [`crate::spectral`]'s affair.

mod block;
pub mod combination;
pub mod curvature;
pub mod kernel;
pub mod point;
pub mod reduced;

pub use combination::{Scaled, Shifted, Sum};
pub use curvature::{Curvature, Matrix};
pub use kernel::Kernel;
pub use point::{Fit, Objective, Point, Recordings, Scratch, Settings};
pub use reduced::{Deflated, Reduced};

use autodiff::Float;

use crate::error::Result;

/// A linear map of vectors of `dim` numbers, applied to a block of them.
///
/// Anything that implements it, in this crate or outside, can be given to every solver of [`crate::spectral`].
pub trait LinearOperator<R: Float>: Sync {
    /// Numbers in a vector.
    fn dim(&self) -> usize;

    /// `y_k = A x_k` for each vector of the block.
    ///
    /// # Shape
    /// `x, y: [k, dim]`
    ///
    /// # Errors
    /// What stops a product: a value that is not finite, a signal.
    fn apply(&self, x: &[R], y: &mut [R]) -> Result<()>;

    /// Whether `<u, A v> = <A u, v>`; every solver here needs it.
    fn is_symmetric(&self) -> bool {
        true
    }

    /// Whether `<v, A v> >= 0` is known.
    fn is_positive(&self) -> bool {
        false
    }
}

impl<R: Float, A: LinearOperator<R> + ?Sized> LinearOperator<R> for &A {
    fn dim(&self) -> usize {
        (**self).dim()
    }
    fn apply(&self, x: &[R], y: &mut [R]) -> Result<()> {
        (**self).apply(x, y)
    }
    fn is_symmetric(&self) -> bool {
        (**self).is_symmetric()
    }
    fn is_positive(&self) -> bool {
        (**self).is_positive()
    }
}
