//! Which samples a step sees.
//!
//! The order of an epoch is a function of the seed and the epoch alone, so a position in it is a step number: there is
//! no generator whose state a checkpoint would have to hold.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// What fills the key behind the seed. It names the scheme: another scheme would take another text.
const KEY_TEXT: &[u8; 24] = b"ntk mini-batch order 1\0\0";

/// The mini-batches of a training, one after another.
#[derive(Clone, Debug)]
pub struct Order {
    samples: usize,
    batch: usize,
    seed: u64,
    /// The epoch that `rows` is the order of.
    epoch: Option<u64>,
    rows: Vec<usize>,
}

impl Order {
    /// The order of `samples` samples in batches of `batch`, the last of an epoch being what is left.
    ///
    /// A batch of all samples is never shuffled.
    pub fn new(samples: usize, batch: usize, seed: u64) -> Self {
        Self { samples, batch: batch.clamp(1, samples.max(1)), seed, epoch: None, rows: Vec::new() }
    }

    /// Whether every step sees every sample.
    pub fn is_full(&self) -> bool {
        self.batch == self.samples
    }

    /// Steps that see every sample once.
    pub fn steps_per_epoch(&self) -> u64 {
        self.samples.div_ceil(self.batch).max(1) as u64
    }

    /// The samples of step `step`, from 0; `None` means all, in their own order.
    pub fn batch(&mut self, step: u64) -> Option<&[usize]> {
        if self.is_full() {
            return None;
        }
        let (epoch, within) = (step / self.steps_per_epoch(), (step % self.steps_per_epoch()) as usize);
        if self.epoch != Some(epoch) {
            self.rows.clear();
            self.rows.extend(0..self.samples);
            self.rows.shuffle(&mut stream(KEY_TEXT, self.seed, epoch));
            self.epoch = Some(epoch);
        }
        let from = within * self.batch;
        Some(&self.rows[from..(from + self.batch).min(self.samples)])
    }
}

/// Stream `number` of the generator that a text and a seed name.
pub(crate) fn stream(text: &[u8; 24], seed: u64, number: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..].copy_from_slice(text);
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(number);
    rng
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_sees_every_sample_once_and_the_next_one_in_another_order() {
        let mut order = Order::new(10, 4, 7);
        assert_eq!(order.steps_per_epoch(), 3);
        let epoch = |order: &mut Order, e: u64| -> Vec<usize> {
            (3 * e..3 * e + 3).flat_map(|step| order.batch(step).unwrap().to_vec()).collect()
        };
        let (first, second) = (epoch(&mut order, 0), epoch(&mut order, 1));
        assert_ne!(first, second);
        for mut rows in [first.clone(), second] {
            rows.sort_unstable();
            assert_eq!(rows, (0..10).collect::<Vec<_>>());
        }
        assert_eq!(order.batch(2).unwrap().len(), 2);
        // A position is a step: an order that begins in the midst is the same.
        let mut later = Order::new(10, 4, 7);
        assert_eq!(later.batch(4).unwrap(), order.batch(4).unwrap());
        assert_eq!(epoch(&mut later, 0), first);
        assert_ne!(epoch(&mut Order::new(10, 4, 8), 0), first);
    }

    #[test]
    fn a_full_batch_is_every_sample_as_it_stands() {
        for batch in [10, 11, usize::MAX] {
            let mut order = Order::new(10, batch, 0);
            assert!(order.is_full() && order.batch(5).is_none() && order.steps_per_epoch() == 1);
        }
    }
}
