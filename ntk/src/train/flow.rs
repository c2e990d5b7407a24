//! Gradient flow, `dw/dt = -D (grad L(w) + d w)`, by an embedded Runge-Kutta pair with error control.
//!
//! Dormand and Prince's pair of orders 5 and 4 takes six new gradients a step: the last stage of a step is the first of
//! the next. Its explicit steps stay below about 3.3 over the sharpness, so a flow along which the sharpness is large
//! costs in proportion; that is what makes it the truth that gradient descent is compared with.
//!
//! # Source
//! Dormand and Prince 1980, "A family of embedded Runge-Kutta formulae"; Hairer, Norsett and Wanner, *Solving Ordinary
//! Differential Equations I*, II.4 (step sizes) and II.5 (the pair).

use std::sync::atomic::AtomicBool;

use autodiff::Float;

use super::reduce;
use super::task::{Batch, Task};
use crate::array::Array;
use crate::error::{Error, Result};
use crate::network::Network;

/// Row i: what of the stages so far leads to the place of stage i + 1; the last row is also the solution of order 5.
const STAGES: [&[f64]; 6] = [
    &[1.0 / 5.0],
    &[3.0 / 40.0, 9.0 / 40.0],
    &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
    &[19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0],
    &[9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0],
    &[35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0],
];
/// The solution of order 5 less that of order 4.
const ERROR: [f64; 7] =
    [71.0 / 57600.0, 0.0, -71.0 / 16695.0, 71.0 / 1920.0, -17253.0 / 339200.0, 22.0 / 525.0, -1.0 / 40.0];

/// A part of a flow.
pub(crate) struct Flow<'f> {
    /// The multiplier of each parameter array.
    pub(crate) rates: &'f [f64],
    pub(crate) decay: f64,
    pub(crate) tolerance: f64,
    pub(crate) stop: &'f AtomicBool,
}

impl Flow<'_> {
    /// Where the weights are `duration` later; `step` is the step size that was last found good, 0 for none.
    ///
    /// `gradient` is that of the weights given.
    ///
    /// # Errors
    /// A loss that is not finite; steps that shrink to nothing; an interruption.
    pub(crate) fn advance<N: Network, R: Float>(
        &self,
        task: &Task<'_, N, R>,
        weights: &[Array<R>],
        gradient: &[R],
        duration: f64,
        step: &mut f64,
    ) -> Result<Vec<Array<R>>> {
        let mut y = weights.to_vec();
        let mut slopes: Vec<Vec<f64>> = vec![self.slope(&y, gradient)];
        let mut gone = 0.0;
        let mut h = if *step > 0.0 { *step } else { self.first_step(&y, &slopes[0], duration) };
        while gone < duration {
            // The last step ends where the part does, without changing what the next part begins with.
            let last = gone + h * (1.0 + 1e-12) >= duration;
            let taken = if last { duration - gone } else { h };
            slopes.truncate(1);
            let mut next = Vec::new();
            let mut error = None;
            for row in STAGES {
                next = moved(&y, &slopes, row, taken);
                match task.gradient(&next, Batch::All, self.stop) {
                    Ok(found) => slopes.push(self.slope(&next, &found.gradient)),
                    // A stage that overshot says that the step is too long, not that the flow ends there.
                    Err(Error::Overflow { .. }) => error = Some(f64::INFINITY),
                    Err(other) => return Err(other),
                }
                if error.is_some() {
                    break;
                }
            }
            let error = error.unwrap_or_else(|| self.error(&y, &next, &slopes, taken));
            // NUMERICS: our own exponential and logarithm, so that every machine takes the same steps.
            let power = |x: f64| autodiff::Real::exp(-0.2 * autodiff::Real::ln(x));
            let factor = match error {
                0.0 => 5.0,
                error if error.is_finite() => (0.9 * power(error)).clamp(0.2, 5.0),
                _ => 0.2,
            };
            if error <= 1.0 {
                gone = if last { duration } else { gone + taken };
                y = next;
                slopes.swap(0, 6);
                // A step that was cut short says nothing against the longer one.
                h = if last { h.max(taken * factor.min(1.0)) } else { taken * factor };
            } else {
                h = taken * factor;
                if h < 1e-12 * duration {
                    return Err(Error::numerics(
                        format!("the steps of the gradient flow shrank to {h:.1e} at an error {error:.1e} too large"),
                        "raise the tolerance, or compute in f64",
                    ));
                }
            }
        }
        *step = h;
        Ok(y)
    }

    /// `-D (g + d w)`, in f64: the combinations of stages cancel.
    fn slope<R: Float>(&self, weights: &[Array<R>], gradient: &[R]) -> Vec<f64> {
        let mut slope = Vec::with_capacity(gradient.len());
        let mut rest = gradient;
        for (weight, rate) in weights.iter().zip(self.rates) {
            let (own, behind) = rest.split_at(weight.len());
            rest = behind;
            let one = |(&w, &g): (&R, &R)| -rate * (Float::to_f64(g) + self.decay * Float::to_f64(w));
            slope.extend(weight.data.iter().zip(own).map(one));
        }
        slope
    }

    /// Such that an Euler step would move the weights by a hundredth of what an error may be large beside.
    fn first_step<R: Float>(&self, y: &[Array<R>], slope: &[f64], duration: f64) -> f64 {
        let size = (1.0 + mean_square(y.iter().flat_map(|w| w.data.iter().map(|x| Float::to_f64(*x))))).sqrt();
        let speed = mean_square(slope.iter().copied()).sqrt();
        if speed > 0.0 { (0.01 * size / speed).min(duration) } else { duration }
    }

    /// The root of the mean square of the errors over what they may be.
    fn error<R: Float>(&self, y: &[Array<R>], next: &[Array<R>], slopes: &[Vec<f64>], h: f64) -> f64 {
        let mut from = 0;
        let mut total = 0.0;
        for (y, next) in y.iter().zip(next) {
            total += reduce::sum(y.len(), |i| {
                let error: f64 = ERROR.iter().zip(slopes).map(|(e, k)| e * k[from + i]).sum();
                let size = Float::to_f64(y.data[i]).abs().max(Float::to_f64(next.data[i]).abs());
                (h * error / (self.tolerance * (1.0 + size))).powi(2)
            });
            from += y.len();
        }
        (total / from.max(1) as f64).sqrt()
    }
}

/// `y + h sum_j row_j slope_j`
fn moved<R: Float>(y: &[Array<R>], slopes: &[Vec<f64>], row: &[f64], h: f64) -> Vec<Array<R>> {
    let mut from = 0;
    let mut next = y.to_vec();
    for weight in &mut next {
        let (start, len) = (from, weight.len());
        from += len;
        reduce::each(&mut weight.data, |i, w| {
            let step: f64 = row.iter().zip(slopes).map(|(a, k)| a * k[start + i]).sum();
            *w = <R as autodiff::Real>::from_f64(Float::to_f64(*w) + h * step);
        });
    }
    next
}

fn mean_square(numbers: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = numbers.fold((0.0, 0_usize), |(sum, count), x| (sum + x * x, count + 1));
    sum / count.max(1) as f64
}
