//! How far training has moved along one eigenvector of the kernel.
//!
//! Along an eigenvector of value `v` the outputs go from `f_0` to the targets: a share `g` of the way is done at a time, and
//! `g/v` is what test samples feel. Both are known to all digits for small `v` too, where `g` would be a difference of 1 and
//! nearly 1.

use crate::error::{Error, Result};

/// The training that is predicted; n samples, o outputs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Dynamics {
    /// Gradient flow with the loss `1/(2 n o) sum (f - y)^2`, as neural-tangents: `g = 1 - exp(-v t/(n o))`.
    #[default]
    Flow,
    /// Gradient descent with the loss `1/(2 n) sum (f - y)^2`, that of `train` with `mse`; times are steps. Over many small
    /// steps it is the flow at `t = o learning_rate steps`, divided by `1 - momentum`.
    Descent {
        /// The learning rate.
        learning_rate: f64,
        /// Heavy-ball momentum: `w' = momentum w - gradient`, `p' = p + learning_rate w'`.
        momentum: f64,
    },
}

/// What is done along an eigenvector.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Done {
    /// The share of the way from `f_0` to the target.
    pub(crate) share: f64,
    /// That divided by the eigenvalue.
    pub(crate) per_value: f64,
}

impl Dynamics {
    /// Refuses what is no training.
    ///
    /// # Errors
    /// [`Error::Usage`] for a rate that is not positive or a momentum outside `[0, 1)`.
    pub(crate) fn check(self) -> Result<()> {
        if let Self::Descent { learning_rate, momentum } = self {
            if !(learning_rate.is_finite() && learning_rate > 0.0) {
                let what = format!("a learning rate of {learning_rate}");
                return Err(Error::usage(what, "give a number above 0, such as --lr 0.1"));
            }
            if !(0.0..1.0).contains(&momentum) {
                let what = format!("a momentum of {momentum}");
                return Err(Error::usage(what, "give a number of at least 0 and below 1"));
            }
        }
        Ok(())
    }

    /// What is done at a time along a vector of this eigenvalue; values up to `floor` are not told from 0.
    ///
    /// # Errors
    /// [`Error::Usage`] for a time that is negative, or is no whole number of steps; [`Error::Numerics`] where steps without end
    /// diverge.
    pub(crate) fn done(self, value: f64, time: f64, floor: f64, samples: usize, outputs: usize) -> Result<Done> {
        if time.is_nan() || time < 0.0 {
            return Err(Error::usage(format!("a time of {time}"), "give times of at least 0, or inf"));
        }
        let value = if value > 0.0 { value } else { 0.0 };
        if time == f64::INFINITY {
            if let Self::Descent { learning_rate, momentum } = self {
                let highest = 2.0 * (1.0 + momentum) * samples as f64 / value;
                if learning_rate >= highest {
                    return Err(Error::numerics(
                        format!(
                            "a learning rate of {learning_rate} diverges: at {highest:.4e} the steps no longer shrink"
                        ),
                        format!("use a learning rate below {highest:.4e}"),
                    ));
                }
            }
            // The limit: what has no eigenvalue never moves, and moves nothing.
            let moves = value > floor;
            return Ok(Done { share: if moves { 1.0 } else { 0.0 }, per_value: if moves { 1.0 / value } else { 0.0 } });
        }
        match self {
            Self::Flow => {
                let time = time / (samples * outputs) as f64;
                let share = -(-value * time).exp_m1();
                let per_value = if value * time > 1e-300 { share / value } else { time };
                Ok(Done { share, per_value })
            }
            Self::Descent { learning_rate, momentum } => {
                if time.fract() != 0.0 || time >= 9e15 {
                    return Err(Error::usage(
                        format!("{time} steps of gradient descent"),
                        "give whole numbers of steps, or leave out --lr for times of gradient flow",
                    ));
                }
                let rate = learning_rate / samples as f64;
                let moved = moved(rate * value, momentum, time as u64);
                Ok(Done { share: rate * value * moved, per_value: rate * moved })
            }
        }
    }
}

/// The sum of all steps, in units of the first, after `steps` of `w' = momentum w + 1 - x e`, `e' = e + w'`.
///
/// # Rule
/// The step is affine in `(e, w)`; it is raised to its power by squaring, as `I + A` of which only `A` is kept, so a small `x`
/// keeps its digits: `(I + A)(I + B) = I + (A + B + A B)`.
fn moved(x: f64, momentum: f64, steps: u64) -> f64 {
    type Matrix = [[f64; 3]; 3];
    fn after(a: &Matrix, b: &Matrix) -> Matrix {
        std::array::from_fn(|i| {
            std::array::from_fn(|j| a[i][j] + b[i][j] + (0..3).map(|k| a[i][k] * b[k][j]).sum::<f64>())
        })
    }
    let mut power: Matrix = [[-x, momentum, 1.0], [-x, momentum - 1.0, 1.0], [0.0; 3]];
    let mut total: Matrix = [[0.0; 3]; 3];
    let mut left = steps;
    while left > 0 {
        if left & 1 == 1 {
            total = after(&power, &total);
        }
        left >>= 1;
        if left > 0 {
            power = after(&power, &power);
        }
    }
    total[0][2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_taken_one_by_one_give_the_closed_form() {
        for x in [0.0, 1e-9, 0.03, 0.7, 1.0, 1.9, 2.05] {
            for momentum in [0.0, 0.5, 0.9] {
                for steps in [0, 1, 2, 3, 10, 257] {
                    let (mut e, mut w) = (0.0, 0.0);
                    for _ in 0..steps {
                        w = momentum * w + 1.0 - x * e;
                        e += w;
                    }
                    let found = moved(x, momentum, steps);
                    assert!((found - e).abs() <= 1e-10 * e.abs().max(1.0), "{x} {momentum} {steps}: {found} and {e}");
                }
            }
        }
    }

    #[test]
    fn descent_in_small_steps_keeps_its_digits() {
        // 1 - (1 - x)^s = -expm1(s ln_1p(-x))
        for (x, steps) in [(1e-12_f64, 1_000_000_u64), (1e-9, 3_000_000_000), (1e-15, 1)] {
            let expected = -(steps as f64 * (-x).ln_1p()).exp_m1();
            let found = x * moved(x, 0.0, steps);
            assert!((found / expected - 1.0).abs() < 1e-13, "{x} {steps}: {found} and {expected}");
        }
    }

    #[test]
    fn the_ends_of_time_are_limits() {
        let flow = Dynamics::Flow;
        assert_eq!(flow.done(3.0, 0.0, 0.0, 4, 2).unwrap(), Done { share: 0.0, per_value: 0.0 });
        assert_eq!(flow.done(2.0, f64::INFINITY, 1e-9, 4, 2).unwrap(), Done { share: 1.0, per_value: 0.5 });
        assert_eq!(flow.done(0.0, f64::INFINITY, 1e-9, 4, 2).unwrap(), Done { share: 0.0, per_value: 0.0 });
        assert_eq!(flow.done(-1e-18, 16.0, 1e-9, 4, 2).unwrap(), Done { share: 0.0, per_value: 2.0 });
        let descent = Dynamics::Descent { learning_rate: 1.0, momentum: 0.0 };
        assert_eq!(descent.done(0.0, 7.0, 1e-9, 2, 1).unwrap().per_value, 3.5);
        assert!(descent.done(4.0, f64::INFINITY, 1e-9, 2, 1).unwrap_err().to_string().contains("diverges"));
        assert!(descent.done(1.0, 0.5, 1e-9, 2, 1).unwrap_err().to_string().contains("whole numbers"));
        assert!(flow.done(1.0, -1.0, 1e-9, 2, 1).is_err() && flow.done(1.0, f64::NAN, 1e-9, 2, 1).is_err());
    }
}
