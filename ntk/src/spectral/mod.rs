//! What is asked of symmetric operators: eigenvalues, densities, traces, solutions; and what they say of a kernel.
//!
//! | file | what |
//! |---|---|
//! | [`kernel`] | a stored kernel of any [`Outputs`](crate::contraction::Outputs) shape as an operator |
//! | [`dense`] | all eigenvalues, by tridiagonalization (faer), checked |
//! | [`mod@lanczos`] | eigenvalues at the top, the bottom or both, in the fewest products |
//! | [`mod@lobpcg`] | the same by blocks, for multiple eigenvalues and preconditioners |
//! | [`mod@power`] | the largest in magnitude, in the least memory |
//! | [`mod@density`] | the spectral density, and sums over the spectrum |
//! | [`trace`] | the trace, three estimators |
//! | [`solve`] | linear systems: CG, MINRES |
//! | [`found`] | what all of them are asked and return |
//! | [`sketch`] | the top of a kernel that is never stored, and estimates of the rest |
//! | [`summary`] | trace, condition, effective rank, alignment of a kernel |
//!
//! The solvers take any [`LinearOperator`](crate::operator::LinearOperator), keep their vectors in its numbers and their
//! sums in f64, and have the same bits for every thread count.

pub mod dense;
pub mod density;
pub mod found;
pub mod kernel;
pub mod lanczos;
pub mod lobpcg;
pub mod power;
pub mod sketch;
mod small;
pub mod solve;
pub mod summary;
pub mod trace;
mod vectors;

pub use density::{Curve, Density, density};
pub use found::{Effort, Eigenpairs, End, Estimate, Solution};
pub use kernel::StoredKernel;
pub use lanczos::{lanczos, lanczos_from, lanczos_within};
pub use lobpcg::lobpcg;
pub use power::power;
pub use sketch::Sketch;
pub use solve::{cg, minres};
pub use summary::{Spectrum, Summary};
pub use trace::{hutch_plus_plus, hutchinson, xtrace};
