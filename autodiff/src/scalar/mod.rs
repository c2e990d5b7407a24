//! Derivatives of ordinary scalar code.
//!
//! Write a function once, on [`Real`](crate::Real). What it is evaluated on decides what comes out:
//!
//! | number | what comes out | cost beside the value |
//! |---|---|---|
//! | `f64`, `f32` | the value | 1 |
//! | [`Dual`](crate::Dual) | and the derivative along one direction | about 2 |
//! | [`Duals`] | and the derivatives along N | about 1 + N |
//! | [`Series`] | and those of every order below N, along one direction | N^2 / 2 a product |
//! | [`Var`] | and a recording, from which a gradient comes at the price of one sweep | 4 to 8, however many variables |
//!
//! The factor of a recording is for ops that take a few nanoseconds themselves. It costs about 5 ns an op, kept and swept;
//! where the value alone is a handful of multiplications in registers the factor is larger (`benches/README.md` has it for
//! Rosenbrock's function and others).
//!
//! Numbers nest. A [`Var`] of duals is forward over reverse; a [`Var`] of [`Var`]s is a gradient of a gradient.
//!
//! | verb | of | result | how |
//! |---|---|---|---|
//! | [`derivative`] | `R -> R` | value and slope | a dual |
//! | [`directional`] | `R^n -> R` | value and directional derivative | duals |
//! | [`partials`] | `R^N -> R` | value and N slopes | N tangents at once |
//! | [`gradient`], [`value_and_gradient`] | `R^n -> R` | n slopes | a recording, one pullback |
//! | [`jacobian`] | `R^n -> R^m` | `[m, n]` | a recording, n pushforwards or m pullbacks, whichever are fewer |
//! | [`hvp`] | `R^n -> R` | Hessian times a vector | a recording on duals, one pullback |
//! | [`hessian`] | `R^n -> R` | `[n, n]` | recordings on four tangents at once |
//! | [`taylor`] | `R -> R` | all derivatives below an order | a truncated series |
//!
//! [`Arena::value_and_gradient`] and [`Arena::hvp`] are the same for loops: they re-use their memory and write to
//! slices. [`Arena::record`] gives the tape itself, to be swept as one likes.
//!
//! A verb takes a closure on its number type. A generic function is named inside one, `|x| f(x)`, as its type differs
//! from call to call (each has a brand of its own):
//!
//! ```
//! use autodiff::{Real, scalar};
//!
//! fn rosenbrock<R: Real>(x: &[R]) -> R {
//!     x.windows(2).fold(R::ZERO, |sum, w| {
//!         let (valley, slope) = (w[1] - w[0] * w[0], R::ONE - w[0]);
//!         sum + (valley * valley).scale(100.0) + slope * slope
//!     })
//! }
//!
//! let x = [1.2, 1.0];
//! assert!((rosenbrock(&x) - 19.4).abs() < 1e-12);
//! let g = scalar::gradient(|x| rosenbrock(x), &x);
//! let h = scalar::hessian(|x| rosenbrock(x), &x);
//! let hv = scalar::hvp(|x| rosenbrock(x), &x, &[0.0, 1.0]).unwrap();
//! assert!((g[0] - 211.6).abs() < 1e-12 && (g[1] + 88.0).abs() < 1e-12);
//! assert_eq!([h[1], h[3]], hv[..]);
//! ```
//!
//! A constant is a plain `f64` beside a variable (`x * 2.0`), or, in generic code, `R::from_f64(2.0)` and
//! [`scale`](crate::Real::scale). Neither is recorded, nor is the sum with one, the multiple by a plain number, or a change
//! of sign.
//!
//! # How it works
//! [`Node`] says what is kept of an op: its slopes and its operands, 24 bytes. [`Tape`] has the two sweeps, ten lines
//! each, [`Var`] the arithmetic that records. The slopes of elementary functions are those of [`crate::op::elementwise`],
//! as everywhere. What this folder leaves to others: programs on whole arrays, for which [`crate::tape`] records an op
//! an array and not an op a number.

mod duals;
mod node;
pub(crate) mod number;
mod series;
mod tape;
mod var;
mod verbs;

pub use crate::dual::{derivative, directional};
pub use duals::Duals;
pub use node::Node;
pub use series::Series;
pub use tape::{Arena, Tape};
pub use var::Var;
pub use verbs::{BLOCK, gradient, hessian, hvp, jacobian, partials, taylor, value_and_gradient};
