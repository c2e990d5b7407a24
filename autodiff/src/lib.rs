//! Automatic differentiation, written to be read.
//!
//! # The idea
//! A program computes its value by a list of primitive steps. By the chain rule its Jacobian is the product of theirs,
//!
//! ```text
//! J = J_n ... J_2 J_1.
//! ```
//!
//! Nobody forms these matrices. What is wanted is `J x_dot`, how the value moves along a *tangent* of the inputs, or
//! `J^T y_bar`, how a *cotangent* of the value depends on each input; and a product of matrices with a vector is made one
//! matrix after another. From the right it begins with the first step: *forward mode*, which goes along with the program,
//! and costs as much for each direction of the inputs. From the left it begins with the last, *reverse mode*: it costs as
//! much for each direction of the value, and a gradient is a single one, however many inputs there are. But it goes
//! against the order of the program, so the program must be written down first: the *tape*.
//!
//! What is needed of a step is then how its Jacobian acts on a vector, and how its transpose does. There are three kinds of
//! step, and for each its author states the least that the mathematics needs:
//!
//! | kind | stated | its Jacobian and the transpose | examples |
//! |---|---|---|---|
//! | elementwise `y_i = f(x_i)` | the primal and the slope `s` | `s x_dot`, `s y_bar` | tanh, relu, exp; with two operands div, hypot |
//! | linear `y = A x` | the map and its transpose | `A x_dot`, `A^T y_bar` | sum, broadcast, add, slice, gather |
//! | bilinear `y = B(a, b)` | the product and its two pulls | `B(a_dot, b) + B(a, b_dot)`, and its pulls | matmul, conv, mul |
//!
//! Four sweeps run over a recording: the primal, the *pushforward* of tangents (jvp), the *pullback* of cotangents (vjp)
//! and the tangent of the pullback (Hessian-vector products), which is the derivative of the table above. Each knows the
//! three kinds and none of the ops, so a rule is stated once and the modes cannot disagree.
//!
//! # In use
//! A verb says what is wanted ([`verb`] has them all):
//!
//! ```
//! use autodiff::{Tensor, hvp, value_and_grad};
//!
//! let x = [Tensor::vector([1.0, 2.0])];
//! let (y, g) = value_and_grad(|x| Ok((x[0] * x[0]).sum()), &x).unwrap();
//! assert_eq!((y, g[0].numbers()), (5.0, &[2.0, 4.0][..]));
//! let h = hvp(|x| Ok((x[0] * x[0]).sum()), &x, &[Tensor::vector([1.0, 0.0])]).unwrap();
//! assert_eq!(h[0].numbers(), [2.0, 0.0]);
//! ```
//!
//! and is a few lines over a tape and its sweeps:
//!
//! ```
//! use autodiff::Arena;
//! use autodiff::sweep::{Gradient, Pool, pullback};
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
//! 1. The idea bare: `examples/02_dual_in_50_lines.rs` and `examples/01_tape_in_100_lines.rs` import nothing. `ntk tape
//!    'x*sin(y)' --at x=1,y=2 --steps` plays the sweeps of an expression, with its numbers put in.
//! 2. On numbers: [`dual`] is forward mode in a page, [`scalar`] reverse mode in two loops of ten lines.
//! 3. On arrays: [`op`] holds the three kinds, a folder each; [`tape`] what is recorded; then the two loops,
//!    [`mod@sweep::pushforward`] and [`mod@sweep::pullback`], and what happens at a leaf, [`sweep::sink`].
//! 4. In use: [`verb`], a few lines each. [`custom`] is the door for rules of one's own, and for checkpoints.
//! 5. Why to believe it: [`check`] has the laws that every rule must satisfy; the tests plant wrong ones.
//!
//! [`real`] says what a number is, [`kernel`] has the loops over slices, [`trace`](mod@trace) shows a sweep to people.
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
