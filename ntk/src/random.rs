//! Random streams by role: a seed and what the numbers are for decide them, and nothing else does.
//!
//! Every stream is ChaCha with 12 rounds, the seed being the key and the role the stream number, so that one part of a
//! study (the order of batches, say) can be drawn anew while all others keep their bits. First weights have a scheme of
//! their own, [`crate::model::init`], which takes a [`seed`] of the role [`Role::Init`].

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

/// What random numbers are for. Streams of different roles share nothing.
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

/// Standard normal numbers, with the same bits on every machine; the first ones do not depend on how many are drawn.
pub fn normal(seed: u64, role: Role, place: u64, count: usize) -> Vec<f64> {
    let mut drawn = vec![0.0; count];
    crate::model::init::normals(self::seed(seed, role, place), 0, &mut drawn, |z| z);
    drawn
}

/// Numbers from 0 on and below 1, multiples of 2^-53.
pub fn uniform(seed: u64, role: Role, place: u64, count: usize) -> Vec<f64> {
    let mut numbers = stream(self::seed(seed, role, place), role);
    (0..count).map(|_| (numbers.next_u64() >> 11) as f64 / (1_u64 << 53) as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLES: [Role; 5] = [Role::Init, Role::Data, Role::Order, Role::Attack, Role::Probe];

    #[test]
    fn roles_seeds_and_places_have_numbers_of_their_own() {
        let mut seen: Vec<u64> = Vec::new();
        for s in [0, 1, 101] {
            for role in ROLES {
                seen.extend((0..10).map(|place| seed(s, role, place)));
            }
        }
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
        assert_eq!(seed(7, Role::Data, 3), seed(7, Role::Data, 3));
    }

    #[test]
    fn draws_have_the_moments_of_their_laws_and_their_beginnings_stay() {
        let (z, u) = (normal(3, Role::Probe, 0, 20_000), uniform(3, Role::Probe, 0, 20_000));
        let mean = |of: &[f64], f: fn(f64) -> f64| of.iter().map(|&x| f(x)).sum::<f64>() / of.len() as f64;
        // Three standard errors: 1/sqrt(n), sqrt(2/n); 1/sqrt(12 n), and sqrt(4/45 n) for the square.
        assert!(mean(&z, |x| x).abs() < 0.0213 && (mean(&z, |x| x * x) - 1.0).abs() < 0.03);
        assert!((mean(&u, |x| x) - 0.5).abs() < 0.0062 && (mean(&u, |x| x * x) - 1.0 / 3.0).abs() < 0.0064);
        assert!(u.iter().all(|x| (0.0..1.0).contains(x)));
        assert_eq!(normal(3, Role::Probe, 0, 77), z[..77]);
        assert_ne!(normal(3, Role::Probe, 1, 77), z[..77]);
        assert_eq!(uniform(3, Role::Probe, 0, 77), u[..77]);
    }
}
