//! Training: weights moved down a loss, step by step, the same bits every time.
//!
//! Decided here: the order of samples, the gradient of a batch, what an optimizer makes of it, what a checkpoint keeps.
//! Left to others: the loss ([`crate::loss`]), what is measured on the way ([`crate::metric`]), files and pictures.
//!
//! | file | what |
//! |---|---|
//! | [`samples`] | samples, targets, labels |
//! | [`task`] | the loss of a batch and its gradient, in chunks |
//! | [`order`] | which samples a step sees |
//! | [`augment`] | how they are changed on their way |
//! | [`schedule`] | the learning rate of a step |
//! | [`rates`](mod@rates) | what it is multiplied with for each layer |
//! | [`optimizer`] | gradient descent, momentum, Adam |
//! | [`flow`] | gradient flow |
//! | [`trainer`] | one step after another |
//! | [`checkpoint`] | a training in a file |
//! | [`needs`](mod@needs) | what a training takes of memory |
//! | [`run`](mod@run) | steps, metrics and checkpoints together |
//!
//! A training is a function of its settings, its samples and its first weights. Neither the number of threads nor an
//! interruption changes a bit: a step is a step number, from which order and learning rate follow.
//!
//! # Parameterizations
//! Where the standard deviations of a layer act decides how fast it learns: `y = m W x` learns as `y = W' x` with
//! `W' = m W` does at `m^2` times the learning rate (gradient descent and momentum; not Adam). [`rates()`] gives the
//! multipliers that a parameterization asks for.

pub mod augment;
pub mod checkpoint;
pub mod flow;
pub mod needs;
pub mod optimizer;
pub mod order;
pub mod rates;
pub(crate) mod reduce;
pub mod run;
pub mod samples;
pub mod schedule;
pub mod task;
pub mod trainer;

pub use augment::Augment;
pub use checkpoint::Checkpoint;
pub use needs::needs;
pub use optimizer::Optimizer;
pub use order::Order;
pub use rates::rates;
pub use run::{Journal, Plan, run};
pub use samples::Samples;
pub use schedule::{Decay, Schedule};
pub use task::{Batch, Evaluation, Task};
pub use trainer::{Settings, State, Trainer};
