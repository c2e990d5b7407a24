//! Eigenvalues of symmetric operators, and what they say of a kernel.
//!
//! | file | what |
//! |---|---|
//! | [`kernel`] | a stored kernel of any [`Outputs`](crate::contraction::Outputs) shape as an operator |
//! | [`dense`] | all eigenvalues, by tridiagonalization (faer), checked |
//! | [`lanczos`] | the largest few of any operator, with residuals |
//! | [`summary`] | trace, condition, effective rank, alignment |

pub mod dense;
pub mod kernel;
pub mod lanczos;
pub mod summary;

pub use kernel::StoredKernel;
pub use summary::{Spectrum, Summary};
