//! A training from its first step to its last: steps, metrics and checkpoints in one order.
//!
//! At every step first what is due is measured, then, if it is time, a checkpoint is written, then the step is taken. A
//! training that goes on from a checkpoint therefore repeats nothing and leaves nothing out.

use std::sync::atomic::Ordering;

use autodiff::Float;

use super::checkpoint::Checkpoint;
use super::trainer::Trainer;
use crate::data::Element;
use crate::error::{Error, Result};
use crate::metric::{Metrics, Row};
use crate::network::Network;

/// How long, and how often it is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Steps of the whole training.
    pub steps: u64,
    /// Steps between two measurements; the last weights are measured in any case.
    pub every: u64,
}

impl Plan {
    /// Whether the weights after `step` steps are measured.
    pub fn measures(&self, step: u64) -> bool {
        step.is_multiple_of(self.every.max(1)) || step == self.steps
    }
}

/// Where a training is written down.
pub trait Journal<R> {
    /// Something was measured.
    ///
    /// # Errors
    /// What writing refuses; the training stops.
    fn row(&mut self, row: &Row) -> Result<()>;

    /// A step was taken: how many there are now, and the loss that it began from.
    fn step(&mut self, _taken: u64, _loss: f64) {}

    /// Whether to keep the training as it stands after `step` steps.
    fn wants_checkpoint(&mut self, _step: u64) -> bool {
        false
    }

    /// Keeps it. Its configuration is empty, for the journal to fill in.
    ///
    /// # Errors
    /// What writing refuses; the training stops.
    fn checkpoint(&mut self, _checkpoint: Checkpoint<R>) -> Result<()> {
        Ok(())
    }
}

/// Trains until the last step, a failure or an interruption.
///
/// `measured` says whether what is due at the present step has been measured, see [`Checkpoint::measured`].
///
/// # Errors
/// [`Error::Interrupted`] after a last checkpoint; a training that diverged or whose numbers are not finite, with layer and
/// step; what the journal refuses. What was written down before stays.
pub fn run<N: Network, R: Float + Element>(
    trainer: &mut Trainer<'_, N, R>,
    metrics: &mut Metrics<'_, N, R>,
    plan: &Plan,
    mut measured: bool,
    journal: &mut impl Journal<R>,
) -> Result<()> {
    loop {
        let step = trainer.state().step;
        if plan.measures(step) && !measured {
            // What an interruption leaves half measured is measured anew.
            let before = metrics.memory();
            match metrics.measure(trainer) {
                Ok(row) => journal.row(&row)?,
                Err(stopped @ Error::Interrupted { .. }) => {
                    metrics.recall(&before)?;
                    journal.checkpoint(checkpoint(trainer, metrics, false))?;
                    return Err(stopped);
                }
                Err(other) => return Err(other),
            }
            measured = true;
        }
        if step >= plan.steps {
            return Ok(());
        }
        if journal.wants_checkpoint(step) {
            journal.checkpoint(checkpoint(trainer, metrics, measured))?;
        }
        let taken = match trainer.stop().load(Ordering::Relaxed) {
            true => Err(Error::Interrupted { terminated: false, resume: "train again".into() }),
            false => trainer.step(),
        };
        match taken {
            Ok(loss) => journal.step(step + 1, loss),
            Err(stopped @ Error::Interrupted { .. }) => {
                journal.checkpoint(checkpoint(trainer, metrics, measured))?;
                return Err(stopped);
            }
            Err(other) => return Err(other),
        }
        measured = false;
    }
}

fn checkpoint<N: Network, R: Float + Element>(
    trainer: &Trainer<'_, N, R>,
    metrics: &Metrics<'_, N, R>,
    measured: bool,
) -> Checkpoint<R> {
    Checkpoint { state: trainer.state().clone(), measured, memory: metrics.memory(), configuration: String::new() }
}
