//! Numbers for tests: a seeded stream and the error that tolerances are stated in.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A seeded stream of numbers.
pub struct Random(ChaCha8Rng);

impl Random {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A number in [-1, 1).
    pub fn number(&mut self) -> f64 {
        self.0.random_range(-1.0..1.0)
    }

    /// Numbers in [-1, 1).
    pub fn numbers(&mut self, count: usize) -> Vec<f64> {
        (0..count).map(|_| self.number()).collect()
    }
}

/// `max|A - B| / max|B|`; infinite where a number is NaN or the lengths differ.
pub fn relative_error(a: &[f64], b: &[f64]) -> f64 {
    if a.len() != b.len() || a.iter().chain(b).any(|x| x.is_nan()) {
        return f64::INFINITY;
    }
    let scale = b.iter().fold(0.0_f64, |top, x| top.max(x.abs()));
    let error = a.iter().zip(b).fold(0.0_f64, |top, (a, b)| top.max((a - b).abs()));
    if error == 0.0 { 0.0 } else { error / scale }
}
