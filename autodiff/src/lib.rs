//! Automatic differentiation, written to be read.
//!
//! A program is recorded on a tape as a list of primitive ops. There are three kinds of op, and for each its author
//! states the least that the mathematics needs:
//!
//! | kind | stated | examples |
//! |---|---|---|
//! | elementwise `y_i = f(x_i)` | the primal and the slope | tanh, relu, exp |
//! | linear `y = A x` | the map and its transpose | sum, broadcast, add |
//! | bilinear `y = B(a, b)` | the product and its two pulls | matmul, mul |
//!
//! Four sweeps run over a recording: the primal, the pushforward of tangents (jvp), the pullback of cotangents (vjp)
//! and the tangent of the pullback (Hessian-vector products). Each knows the three kinds and none of the ops, so a
//! rule is stated once and the modes cannot disagree.
//!
//! ```
//! use autodiff::sweep::{Gradient, Pool, pullback};
//! use autodiff::Arena;
//!
//! let mut arena = Arena::new();
//! let tape = arena.tape::<f64>();
//! let x = tape.leaf(&[1.0, 2.0], &[2]).unwrap();
//! let y = (x * x).sum(); // records and evaluates
//! assert_eq!(y.value(), [5.0]);
//!
//! let (mut gradient, mut pool) = (Gradient::new(), Pool::default());
//! pullback(y, &[1.0], 1, &mut gradient, &mut pool).unwrap();
//! assert_eq!(gradient.of(0), Some(&[2.0, 4.0][..]));
//! ```
//!
//! # Reading order
//! [`dual`] is forward mode in a page, and [`scalar`] reverse mode on numbers, in two loops of ten lines: begin there to
//! see the idea bare, or with `examples/01_tape_in_100_lines.rs`. The rest is for arrays: [`op`] holds the three kinds, a
//! place each; [`tape`] what is recorded; then the two loops, [`mod@sweep::pushforward`] and [`mod@sweep::pullback`], and
//! what happens at a leaf, [`sweep::sink`]. [`real`] says what a number is, [`kernel`] has the loops over slices. What
//! every rule must satisfy is in [`check`].
//!
//! # Second derivatives by two roads
//! The tape is generic over its number. A tape of [`Dual`]s gives forward-over-reverse by type: slow, and the
//! reference. [`sweep::pullback_tangent`] is the fast way. They agree to rounding.

pub mod check;
pub mod custom;
pub mod dual;
pub mod error;
pub mod kernel;
pub mod op;
pub mod real;
pub mod scalar;
pub mod shape;
pub mod sweep;
pub mod tape;
pub mod tensor;
pub mod trace;
pub mod verb;

pub use custom::{Checkpoint, checkpoint};
pub use dual::{Dual, derivative, directional, with_tangents};
pub use error::{Error, Result};
pub use op::{Op, Samples};
pub use real::{Float, Kernel, Real};
pub use shape::Shape;
pub use tape::{Arena, Node, Tape, Var};
pub use tensor::Tensor;
pub use verb::{ggn_vp, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp};
