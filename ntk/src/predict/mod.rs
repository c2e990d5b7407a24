//! What a kernel predicts: training in function space, in closed form.
//!
//! A network near its start (or one that is wide) moves with its kernel: `df/dt = -Theta dL/df`. For the squared error that is
//! solved by the eigenvectors of the kernel of the training samples, taken apart once, at any time:
//!
//! `f_t = y + exp(-Theta t/(n o)) (f_0 - y)`, and on test samples `f_t* = f_0* + Theta* Theta^-1 (1 - exp(-Theta t/(n o))) (y - f_0)`.
//!
//! Decided here: which kernels are taken, what time means ([`Dynamics`]), and what happens where a kernel is singular: a
//! direction without eigenvalue stays where it is, which is the limit. Left to others: where kernels come from (finite and
//! infinite networks take the same path), data, files.
//!
//! | file | what |
//! |---|---|
//! | [`dynamics`] | how far training has moved along one eigenvector |
//! | [`regression`] | predictions at any time, ensembles, the highest stable learning rate |
//! | [`mod@posterior`] | Gaussian-process regression: mean and covariance, by Cholesky |
//! | [`cross_entropy`] | the same flow with cross-entropy, by an adaptive Runge-Kutta method |
//! | [`mod@taylor`] | the network itself, linearized, and to third order |
//! | [`mod@outputs`] | what a network says before training |
//! | `symmetric` | eigenvectors and Cholesky factors, checked |

pub mod cross_entropy;
pub mod dynamics;
mod matrix;
pub mod outputs;
pub mod posterior;
pub mod regression;
pub(crate) mod symmetric;
pub mod taylor;

pub use cross_entropy::{CrossEntropyFlow, Probabilities};
pub use dynamics::Dynamics;
pub use outputs::outputs;
pub use posterior::{Posterior, posterior};
pub use regression::{Predictions, Regression, Test};
pub use taylor::taylor;
