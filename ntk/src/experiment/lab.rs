//! What a task is given: data by name, random streams by role, memory, a signal to stop.

use std::sync::atomic::{AtomicBool, Ordering};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

use crate::data::{Dataset, Selection, Source};
use crate::error::{Error, Result};

/// What random numbers are for. Streams of different roles share nothing, so that one can be drawn anew alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// First weights.
    Init,
    /// Samples and labels.
    Data,
    /// The order of batches.
    Order,
    /// Adversarial perturbations.
    Attack,
    /// Probes of estimators.
    Probe,
}

/// The surroundings of a task.
pub struct Lab<'l> {
    /// Set when the task should stop.
    pub stop: &'l AtomicBool,
    /// Bytes that the task may take.
    pub memory: u64,
    /// Told the share of the task that is done, from 0 to 1.
    pub progress: &'l (dyn Fn(f64) + Sync),
}

impl Lab<'_> {
    /// Goes on, unless the task should stop.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub fn check(&self) -> Result<()> {
        match self.stop.load(Ordering::Relaxed) {
            true => Err(Error::Interrupted { terminated: false, resume: "the task was given up".into() }),
            false => Ok(()),
        }
    }

    /// The data set of a name, such as `digits` or `cifar10:DIR`.
    ///
    /// # Errors
    /// As [`Dataset::load`].
    pub fn dataset(&self, name: &str, selection: &Selection) -> Result<Dataset> {
        Dataset::load(&name.parse::<Source>()?, selection)
    }
}

/// The random numbers of a seed and a role.
pub fn stream(seed: u64, role: Role) -> ChaCha12Rng {
    let mut numbers = ChaCha12Rng::seed_from_u64(seed);
    numbers.set_stream(role as u64 + 1);
    numbers
}

/// A seed for what takes one, such as [`crate::model::Architecture::init`]: of a role, and of a place in a series.
pub fn seed(seed: u64, role: Role, place: u64) -> u64 {
    let mut numbers = stream(seed, role);
    numbers.set_word_pos(2 * u128::from(place));
    numbers.next_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_seeds_and_places_have_numbers_of_their_own() {
        let mut seen: Vec<u64> = Vec::new();
        for s in [0, 1, 101] {
            for role in [Role::Init, Role::Data, Role::Order, Role::Attack, Role::Probe] {
                seen.extend((0..10).map(|place| seed(s, role, place)));
            }
        }
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
        assert_eq!(seed(7, Role::Data, 3), seed(7, Role::Data, 3));
    }
}
