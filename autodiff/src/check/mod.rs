//! The laws that a derivative rule must obey, as functions that say which one is broken.
//!
//! A rule can be wrong and still look right: a slope off by one part in two thousand trains a network. So every rule
//! is held to laws that its author did not use to derive it.
//!
//! | law | what must agree |
//! |---|---|
//! | [`Law::Primal`] | the value in every mode, to the bit |
//! | [`Law::Slope`] | the tangent, and a five-point difference of the primal |
//! | [`Law::Adjoint`] | `<y_bar, J x_dot>` and `<J^T y_bar, x_dot>`, on random vectors |
//! | [`Law::Curvature`] | the tangent of the pullback, differences of the pullback, and the tape of duals |
//! | [`Law::Refusal`] | what every mode refuses, and with which error |
//! | [`Law::Edges`] | values at 0, -0, infinities, NaN, and those documented (tables, in the tests) |
//! | [`Law::Accumulation`] | adding a contribution, and writing it then adding |
//! | [`Law::Fusion`] | a fused op and its unfused twin |
//! | [`Law::Blocks`] | K directions at once, and one at a time |
//! | [`Law::Linearization`] | products from what is kept at a point, and the sweeps |
//!
//! [`elementwise`], [`pairwise`], [`linear`] and [`bilinear`] check one rule, given as a type, so they can be fed a wrong one:
//! the tests plant some and demand that the law is named. [`program()`] checks whatever can be recorded, through the
//! real sweeps. [`LINEAR`] and [`BILINEAR`] list an op of every kind with operands to try it on.
//!
//! [`check_grads`] is for a function of one's own: a closure, as the verbs take it, at one point.
//!
//! Nothing here panics on a broken rule. Numbers come from the caller, who knows the seed; those of [`check_grads`] are
//! always the same.
//!
//! ```
//! use autodiff::check::{self, Bounds};
//! use autodiff::op::elementwise::Tanh;
//!
//! let mut state = 1_u64;
//! let mut numbers = || {
//!     state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
//!     (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
//! };
//! check::elementwise::<f64>(Tanh, Bounds::of::<f64>(), &mut numbers).unwrap();
//! ```

mod exemplar;
mod grads;
mod linearized;
mod pair;
mod program;
mod rule;

use std::fmt;

pub use exemplar::{BILINEAR, BilinearExemplar, LINEAR, LinearExemplar};
pub use grads::{Order, check_grads};
pub use pair::{pairwise, pairwise_op};
pub use program::{Checked, Input, Program, program, refusal, twins};
pub use rule::{bilinear, elementwise, elementwise_op, linear};

use crate::real::{Float, Real};

/// The nine laws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// The primal has the same bits in every mode.
    Primal,
    /// The tangent is the derivative of the primal.
    Slope,
    /// The pullback is the transpose of the pushforward.
    Adjoint,
    /// The tangent of the pullback is the derivative of the pullback.
    Curvature,
    /// Every mode refuses the same inputs with the same error.
    Refusal,
    /// The documented values at the edges of the domain.
    Edges,
    /// What is added to a buffer is what would have been written to it; what is written does not depend on it.
    Accumulation,
    /// A fused op equals the ops that it replaces.
    Fusion,
    /// K directions at once equal one at a time.
    Blocks,
    /// What is kept at a point gives the same products as the sweeps.
    Linearization,
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Law::Primal => "primal",
            Law::Slope => "slope",
            Law::Adjoint => "adjoint",
            Law::Curvature => "curvature",
            Law::Refusal => "refusal",
            Law::Edges => "edges",
            Law::Accumulation => "accumulation",
            Law::Fusion => "fusion",
            Law::Blocks => "blocks",
            Law::Linearization => "linearization",
        })
    }
}

/// A law that does not hold, and where.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{op} breaks the law of {law}: {place}: found {found}, expected {expected}; correct the rule that is named")]
pub struct Broken {
    /// The law.
    pub law: Law,
    /// Name of the op or program.
    pub op: String,
    /// The argument, operand or entry, and the number type.
    pub place: String,
    /// What the rule gave.
    pub found: String,
    /// What the law asks for.
    pub expected: String,
}

/// How closely numbers must agree, relative to the scale that the check states.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// For tangents against differences.
    pub slope: f64,
    /// For two ways to one number that differ in rounding only.
    pub adjoint: f64,
    /// For tangents of cotangents against differences.
    pub curvature: f64,
    /// Step of the differences, relative to the distance over which the function changes.
    pub step: f64,
}

impl Bounds {
    /// The bounds for a number type.
    ///
    /// # Source
    /// The five-point difference is off by `h^4 f'''''/30` and, by rounding, by about `1.5 e f/h`. Differences are
    /// taken in `f64` whatever the type, so with `h = 1e-4` both are below 1e-11. An `f32` is held to some hundred
    /// units of its own rounding.
    pub const fn of<F: Float>() -> Self {
        if F::EPSILON > 1e-10 {
            Self { slope: 2e-5, adjoint: 1e-5, curvature: 1e-4, step: 1e-4 }
        } else {
            Self { slope: 1e-9, adjoint: 1e-12, curvature: 1e-8, step: 1e-4 }
        }
    }
}

/// One comparison in the making: what is compared, for whom, where.
struct Witness<'s> {
    law: Law,
    op: &'s str,
    place: &'s dyn Fn() -> String,
}

impl Witness<'_> {
    fn broken(&self, place: &str, found: impl fmt::Debug, expected: impl fmt::Debug) -> Broken {
        let place = format!("{}{place}", (self.place)());
        let (found, expected) = (format!("{found:?}"), format!("{expected:?}"));
        Broken { law: self.law, op: self.op.to_owned(), place, found, expected }
    }

    /// `|found - expected| <= tolerance`, or equal infinities. NaN agrees with nothing.
    fn within(&self, found: f64, expected: f64, tolerance: f64) -> Result<(), Broken> {
        if found == expected || (found - expected).abs() <= tolerance {
            return Ok(());
        }
        Err(self.broken("", found, expected))
    }

    /// Entry by entry; the tolerance is one for all.
    fn all_within<R: Real, S: Real>(&self, found: &[R], expected: &[S], tolerance: f64) -> Result<(), Broken> {
        if found.len() != expected.len() {
            return Err(self.broken(" (numbers)", found.len(), expected.len()));
        }
        for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
            let (found, expected) = (found.primal(), expected.primal());
            if !(found == expected || (found - expected).abs() <= tolerance) {
                return Err(self.broken(&format!(", entry {i}"), found, expected));
            }
        }
        Ok(())
    }

    /// The same bits; any NaN equals any other.
    fn same_bits<F: Float>(&self, found: &[F], expected: &[F]) -> Result<(), Broken> {
        if found.len() != expected.len() {
            return Err(self.broken(" (numbers)", found.len(), expected.len()));
        }
        for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
            let (found, expected) = (found.to_f64(), expected.to_f64());
            if found.to_bits() != expected.to_bits() && !(found.is_nan() && expected.is_nan()) {
                return Err(self.broken(&format!(", entry {i}, to the bit"), found, expected));
            }
        }
        Ok(())
    }
}

/// `f'(0)` from `f(h), f(-h), f(2h), f(-2h)`.
///
/// # Source
/// `(8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h = f' - h^4 f'''''/30 + ...`: Abramowitz and Stegun, 25.3.6.
fn five_point([up, down, up2, down2]: [f64; 4], h: f64) -> f64 {
    (8.0 * (up - down) - (up2 - down2)) / (12.0 * h)
}

/// Where [`five_point`] wants its values.
const STENCIL: [f64; 4] = [1.0, -1.0, 2.0, -2.0];

/// The largest magnitude.
fn largest<R: Real>(numbers: &[R]) -> f64 {
    numbers.iter().fold(0.0, |top, x| top.max(x.primal().abs()))
}

/// `<a, b>`, and the sum of its terms' magnitudes, which its rounding error is relative to.
fn dot<R: Real>(a: &[R], b: &[R]) -> (f64, f64) {
    a.iter().zip(b).map(|(a, b)| a.primal() * b.primal()).fold((0.0, 0.0), |(sum, size), x| (sum + x, size + x.abs()))
}
