//! The loss around a point, along directions in the space of the parameters.
//!
//! Decided here: which directions make sense ([`filter_normalized`], [`difference`]), and what is evaluated on a line or a
//! plane of them ([`slice()`]). Eigenvectors come from [`crate::spectral`].

use std::sync::atomic::AtomicBool;

use autodiff::Float;
use rayon::prelude::*;

use crate::array::Array;
use crate::error::{Error, Result};
use crate::network::Network;
use crate::train::order::stream;
use crate::train::{Batch, Evaluation, Task};

/// What fills the key behind the seed. It names the scheme: another scheme would take another text.
const KEY_TEXT: &[u8; 24] = b"ntk random direction 1\0\0";

/// A random direction that is as large, filter by filter, as the weights are.
///
/// Weights of layers that normalize each other can be scaled without changing the network; with the filters of a direction
/// scaled to those of the weights, slices of different networks can be compared. A filter is all that leads to one output:
/// the last axis counts them. Biases, which have one axis, stay where they are.
///
/// # Source
/// Li, Xu, Taylor, Studer, Goldstein 2018, "Visualizing the loss landscape of neural nets", section 4.
pub fn filter_normalized<R: Float>(weights: &[Array<R>], seed: u64) -> Vec<Array<R>> {
    let direction = weights.iter().enumerate().map(|(leaf, weight)| {
        let mut d = Array { shape: weight.shape.clone(), data: vec![R::ZERO; weight.len()] };
        if weight.rank() < 2 {
            return d;
        }
        let mut rng = stream(KEY_TEXT, seed, leaf as u64);
        // Sums of twelve uniform numbers: their direction is what counts, and it needs no logarithm.
        d.data.iter_mut().for_each(|d| {
            let sum: f64 = (0..12).map(|_| uniform(&mut rng)).sum();
            *d = <R as autodiff::Real>::from_f64(sum - 6.0);
        });
        let filters = weight.shape.last().copied().unwrap_or(1);
        for filter in 0..filters {
            let norm = |of: &Array<R>| {
                let square: f64 = of.data.iter().skip(filter).step_by(filters).map(|x| Float::to_f64(*x).powi(2)).sum();
                square.sqrt()
            };
            let scale = <R as autodiff::Real>::from_f64(norm(weight) / norm(&d).max(f64::MIN_POSITIVE));
            d.data.iter_mut().skip(filter).step_by(filters).for_each(|d| *d *= scale);
        }
        d
    });
    direction.collect()
}

/// A number in [0, 1) of 53 bits.
fn uniform(rng: &mut impl rand::Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// `to - from`, the direction of the straight path between two points.
///
/// # Errors
/// [`Error::Shape`] for parameters of different networks.
pub fn difference<R: Float>(from: &[Array<R>], to: &[Array<R>]) -> Result<Vec<Array<R>>> {
    if from.len() != to.len() {
        return Err(unlike(vec![from.len()], vec![to.len()]));
    }
    let one = |(a, b): (&Array<R>, &Array<R>)| {
        if a.shape != b.shape {
            return Err(unlike(a.shape.clone(), b.shape.clone()));
        }
        let data = a.data.iter().zip(&b.data).map(|(a, b)| *b - *a).collect();
        Array::new(a.shape.clone(), data)
    };
    from.iter().zip(to).map(one).collect()
}

fn unlike(expected: Vec<usize>, found: Vec<usize>) -> Error {
    Error::Shape {
        what: "a parameter of the second point".into(),
        expected,
        found,
        remedy: "give two points of one network".into(),
    }
}

/// A vector of all parameters as arrays of their shapes.
///
/// # Errors
/// [`Error::Shape`] for a vector of another length.
pub fn unflattened<R: Float>(weights: &[Array<R>], flat: &[R]) -> Result<Vec<Array<R>>> {
    let count: usize = weights.iter().map(Array::len).sum();
    if flat.len() != count {
        return Err(unlike(vec![count], vec![flat.len()]));
    }
    let mut rest = flat;
    let arrays = weights.iter().map(|weight| {
        let (own, behind) = rest.split_at(weight.len());
        rest = behind;
        Array::new(weight.shape.clone(), own.to_vec())
    });
    arrays.collect()
}

/// The loss at `w + sum_k a_k d_k` for each list `a` of coordinates.
///
/// A loss that is not finite is one: it says that the landscape is steep there.
///
/// # Cost
/// A pass over all samples a point.
///
/// # Errors
/// Directions of another network; an interruption. `done` is told after each point.
pub fn slice<N: Network, R: Float>(
    task: &Task<'_, N, R>,
    weights: &[Array<R>],
    directions: &[Vec<Array<R>>],
    coordinates: &[Vec<f64>],
    stop: &AtomicBool,
    done: &(dyn Fn() + Sync),
) -> Result<Vec<Evaluation<R>>> {
    for direction in directions {
        difference(weights, direction)?;
    }
    let samples = task.samples().len();
    coordinates
        .iter()
        .map(|at| {
            let moved = moved(weights, directions, at);
            let found = match task.value(&moved, Batch::All, stop) {
                Err(Error::Overflow { .. }) => {
                    let correct = task.samples().labels.as_ref().map(|_| 0);
                    Ok(Evaluation { loss: f64::INFINITY, correct, samples, gradient: Vec::new() })
                }
                other => other,
            };
            done();
            found
        })
        .collect()
}

/// `w + sum_k a_k d_k`, each number rounded once.
fn moved<R: Float>(weights: &[Array<R>], directions: &[Vec<Array<R>>], at: &[f64]) -> Vec<Array<R>> {
    let one = |(leaf, weight): (usize, &Array<R>)| {
        let number = |(i, w): (usize, &R)| {
            let step: f64 = directions.iter().zip(at).map(|(d, a)| a * Float::to_f64(d[leaf].data[i])).sum();
            <R as autodiff::Real>::from_f64(Float::to_f64(*w) + step)
        };
        Array { shape: weight.shape.clone(), data: weight.data.par_iter().enumerate().map(number).collect() }
    };
    weights.iter().enumerate().map(one).collect()
}

/// By how much the loss on a path rises above the straight line between its ends, at most; 0 where it does not.
///
/// # Shape
/// `at: [k]` from 0 to 1, `values: [k]`
///
/// # Source
/// Fort et al. 2020, arXiv:2010.15110, section 4.1: the error barrier.
pub fn barrier(at: &[f64], values: &[f64]) -> Option<f64> {
    let end = |wanted: f64| at.iter().position(|a| *a == wanted).map(|i| values[i]);
    let (first, last) = (end(0.0)?, end(1.0)?);
    let over = at.iter().zip(values).filter(|(a, _)| (0.0..=1.0).contains(*a));
    Some(over.map(|(a, value)| value - ((1.0 - a) * first + a * last)).fold(0.0, f64::max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_direction_is_as_large_as_the_weights_filter_by_filter() {
        let weight = Array::new([2, 3], vec![3.0_f64, 0.0, 1.0, 4.0, 0.0, -1.0]).unwrap();
        let bias = Array::new([3], vec![1.0, 2.0, 3.0]).unwrap();
        let weights = [weight, bias];
        let d = filter_normalized(&weights, 7);
        for (filter, norm) in [(0, 5.0), (1, 0.0), (2, 2.0_f64.sqrt())] {
            let found = d[0].data[filter].hypot(d[0].data[3 + filter]);
            assert!((found - norm).abs() < 1e-14, "{filter}: {found}");
        }
        assert_eq!(d[1].data, [0.0; 3]);
        assert_eq!(filter_normalized(&weights, 7), d);
        assert_ne!(filter_normalized(&weights, 8), d);
    }

    #[test]
    fn a_barrier_is_what_rises_above_the_chord() {
        let at = [-0.5, 0.0, 0.25, 0.5, 1.0, 1.5];
        assert_eq!(barrier(&at, &[9.0, 1.0, 1.5, 2.5, 2.0, 9.0]), Some(1.0));
        assert_eq!(barrier(&at, &[9.0, 1.0, 0.5, 0.5, 2.0, 9.0]), Some(0.0));
        assert_eq!(barrier(&at[..4], &[1.0; 4]), None);
    }
}
